"""Tests the weather example against a service that answers like Open-Meteo, including its errors."""

from __future__ import annotations

import importlib
import shutil
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import TextContent
from starlette.responses import Response

from app import create_app
from settings.values import Settings
from tests.examples.open_meteo import DAILY, NOWHERE, PLACE, REFUSAL, OpenMeteo
from tests.examples.serving import Serve

pytestmark = pytest.mark.slow

Weather = MCPServer[Any]

EXAMPLE = Path(__file__).parents[2] / "examples" / "weather"


@pytest.fixture(scope="module")
def service(serve: Serve) -> OpenMeteo:
    return OpenMeteo(serve)


@pytest.fixture
def open_meteo(service: OpenMeteo, monkeypatch: pytest.MonkeyPatch) -> OpenMeteo:
    service.forget()
    monkeypatch.setenv("WEATHER_GEOCODING_URL", service.url)
    monkeypatch.setenv("WEATHER_FORECAST_URL", service.url)
    return service


@pytest.fixture
def weather(open_meteo: OpenMeteo, monkeypatch: pytest.MonkeyPatch) -> Weather:
    monkeypatch.syspath_prepend(EXAMPLE)
    server: Weather = importlib.import_module("weather_server").mcp
    return server


async def call(server: Weather, tool: str, **arguments: object) -> Any:
    """Returns the structured result of a tool, or the text of its error."""
    async with Client(server) as client:
        result = await client.call_tool(tool, arguments)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text if result.is_error else result.structured_content


@pytest.mark.anyio
async def test_temperature_names_the_place_found(weather: Weather, open_meteo: OpenMeteo) -> None:
    answer = await call(weather, "temperature", city="berlin")

    assert answer == {"city": "Berlin", "country": "Germany", "time": "2026-07-01T14:15", "celsius": 23.4}
    assert open_meteo.asked["search"] == {"name": "berlin", "count": "1"}
    assert open_meteo.asked["forecast"] == {
        "latitude": "52.52437",
        "longitude": "13.41053",
        "timezone": "auto",
        "current": "temperature_2m",
    }


@pytest.mark.anyio
async def test_forecast_has_an_entry_for_each_day(weather: Weather, open_meteo: OpenMeteo) -> None:
    open_meteo.answers["forecast"] = Response(DAILY)

    answer = await call(weather, "forecast", city="Berlin", days=2)

    assert (answer["city"], answer["country"]) == ("Berlin", "Germany")
    assert answer["days"] == [
        {"date": "2026-07-01", "lowest_celsius": 14.1, "highest_celsius": 24.9, "precipitation_mm": 0.0},
        {"date": "2026-07-02", "lowest_celsius": 15.0, "highest_celsius": None, "precipitation_mm": 3.2},
    ]
    assert open_meteo.asked["forecast"]["forecast_days"] == "2"


@pytest.mark.anyio
async def test_forecast_covers_three_days_by_default(weather: Weather, open_meteo: OpenMeteo) -> None:
    open_meteo.answers["forecast"] = Response(DAILY)

    await call(weather, "forecast", city="Berlin")

    assert open_meteo.asked["forecast"]["forecast_days"] == "3"


@pytest.mark.anyio
@pytest.mark.parametrize("days", [0, 17])
async def test_days_out_of_range_are_refused_without_a_request(
    weather: Weather, open_meteo: OpenMeteo, days: int
) -> None:
    assert "days" in await call(weather, "forecast", city="Berlin", days=days)
    assert open_meteo.asked == {}


@pytest.mark.anyio
async def test_schema_bounds_the_days_and_lists_the_fields_of_the_result(weather: Weather) -> None:
    temperature, forecast = await weather.list_tools()

    assert forecast.input_schema["properties"]["days"].items() >= {"minimum": 1, "maximum": 16, "default": 3}.items()
    assert forecast.input_schema["required"] == ["city"]
    assert temperature.output_schema is not None
    assert list(temperature.output_schema["properties"]) == ["city", "country", "time", "celsius"]


@pytest.mark.anyio
async def test_special_characters_in_a_name_are_preserved(weather: Weather, open_meteo: OpenMeteo) -> None:
    await call(weather, "temperature", city="São Tomé & Príncipe=?#")

    assert open_meteo.asked["search"]["name"] == "São Tomé & Príncipe=?#"


@pytest.mark.anyio
async def test_unknown_city_is_an_error_that_names_it(weather: Weather, open_meteo: OpenMeteo) -> None:
    open_meteo.answers["search"] = Response(NOWHERE)

    assert "Unknown city 'Xyzzy'." in await call(weather, "temperature", city="Xyzzy")
    assert "forecast" not in open_meteo.asked


@pytest.mark.anyio
async def test_reason_of_a_refusal_is_reported(weather: Weather, open_meteo: OpenMeteo) -> None:
    open_meteo.answers["forecast"] = Response(REFUSAL, status_code=429)

    error = await call(weather, "temperature", city="Berlin")

    assert error.endswith("refused: Daily API request limit exceeded. Please try again tomorrow.")


@pytest.mark.anyio
async def test_refusal_without_a_reason_reports_its_status(weather: Weather, open_meteo: OpenMeteo) -> None:
    open_meteo.answers["search"] = Response("<h1>Bad Gateway</h1>", status_code=502)

    assert "it answered with status 502" in await call(weather, "temperature", city="Berlin")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        "<html>please log in</html>",
        "[]",
        PLACE + "}",
        DAILY.replace('"2026-07-01", ', ""),
        DAILY.replace("3.2", '"wet"'),
    ],
    ids=["not JSON", "not an object", "no days", "columns of different length", "no numbers"],
)
async def test_answer_of_another_shape_is_an_error(weather: Weather, open_meteo: OpenMeteo, answer: str) -> None:
    open_meteo.answers["forecast"] = Response(answer)

    assert "an answer of an unexpected shape" in await call(weather, "forecast", city="Berlin")


@pytest.mark.anyio
async def test_unreachable_service_is_an_error(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WEATHER_GEOCODING_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")

        assert "cannot be reached" in await call(weather, "temperature", city="Berlin")


@pytest.mark.anyio
async def test_silent_service_times_out(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WEATHER_GEOCODING_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WEATHER_TIMEOUT", "0.05")

        assert "did not answer in time" in await call(weather, "temperature", city="Berlin")


@pytest.mark.anyio
async def test_router_serves_the_two_files_alone(open_meteo: OpenMeteo, tmp_path: Path) -> None:
    for file in ("weather_server.py", "weather_tools.py"):
        shutil.copy(EXAMPLE / file, tmp_path)
    app = create_app(Settings.from_env({"MCP_SERVERS_DIR": str(tmp_path)}))

    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client,
    ):
        known = await client.post("/weather/mcp/call", json={"tool": "temperature", "arguments": {"city": "Berlin"}})
        open_meteo.answers["search"] = Response(NOWHERE)
        unknown = await client.post("/weather/mcp/call", json={"tool": "temperature", "arguments": {"city": "Xyzzy"}})

    assert known.json()["result"]["celsius"] == 23.4
    assert (unknown.status_code, unknown.json()["detail"]) == (422, "Unknown city 'Xyzzy'.")
