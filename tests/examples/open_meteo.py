"""A service with the answers of Open-Meteo, taken from its documentation and its server."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.examples.serving import Serve

BERLIN = """{"results": [{"id": 2950159, "name": "Berlin", "latitude": 52.52437, "longitude": 13.41053,
"elevation": 74.0, "feature_code": "PPLC", "country_code": "DE", "timezone": "Europe/Berlin", "population": 3426354,
"postcodes": ["10967"], "country_id": 2921044, "country": "Germany", "admin1": "State of Berlin"}],
"generationtime_ms": 0.6}"""
NOWHERE = """{"generationtime_ms": 0.3}"""
REFUSAL = """{"reason": "Daily API request limit exceeded. Please try again tomorrow.", "error": true}"""
PLACE = """{"latitude": 52.52, "longitude": 13.419998, "generationtime_ms": 0.05, "utc_offset_seconds": 7200,
"timezone": "Europe/Berlin", "timezone_abbreviation": "GMT+2", "elevation": 38.0"""
CURRENT = (
    PLACE
    + """, "current_units": {"time": "iso8601", "interval": "seconds", "temperature_2m": "°C"},
"current": {"time": "2026-07-01T14:15", "interval": 900, "temperature_2m": 23.4}}"""
)
DAILY = (
    PLACE
    + """, "daily_units": {"time": "iso8601", "temperature_2m_min": "°C", "temperature_2m_max": "°C",
"precipitation_sum": "mm"}, "daily": {"time": ["2026-07-01", "2026-07-02"], "temperature_2m_min": [14.1, 15.0],
"temperature_2m_max": [24.9, null], "precipitation_sum": [0.0, 3.2]}}"""
)


class OpenMeteo:
    """Returns the answers that a test has set for each endpoint, and records the requests."""

    def __init__(self, serve: Serve) -> None:
        self.url = serve(Starlette(routes=[Route("/v1/{endpoint}", self.answer)]))

    def forget(self) -> None:
        self.asked: dict[str, dict[str, str]] = {}
        self.answers = {"search": Response(BERLIN), "forecast": Response(CURRENT)}

    async def answer(self, request: Request) -> Response:
        endpoint = request.path_params["endpoint"]
        self.asked[endpoint] = dict(request.query_params)
        return self.answers[endpoint]
