"""Tools for the weather of a city. They use Open-Meteo (https://open-meteo.com/en/docs): geocoding, then forecast."""

from dataclasses import dataclass
from typing import Annotated, Self, TypeVar

import httpx2
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, ValidationError, model_validator
from typing_extensions import TypedDict

City = Annotated[str, Field(min_length=1, max_length=100, description="a city's name, in any language")]
Days = Annotated[int, Field(ge=1, le=16, description="number of days, including today")]
Answer = TypeVar("Answer", bound=BaseModel)


class Temperature(TypedDict):
    city: str
    country: str
    time: str
    celsius: float


class Day(TypedDict):
    date: str
    lowest_celsius: float | None
    highest_celsius: float | None
    precipitation_mm: float | None


class Forecast(TypedDict):
    city: str
    country: str
    days: list[Day]


@dataclass(frozen=True, slots=True)
class OpenMeteo:
    """The two base URLs of the service and the HTTP client, which is open while the server runs."""

    client: httpx2.AsyncClient
    geocoding_url: str
    forecast_url: str


class Place(BaseModel):
    name: str
    country: str = ""
    latitude: float
    longitude: float


class Places(BaseModel):
    results: list[Place] = []


class Moment(BaseModel):
    time: str
    temperature_2m: float


class Current(BaseModel):
    current: Moment


class Columns(BaseModel):
    time: list[str]
    temperature_2m_min: list[float | None]
    temperature_2m_max: list[float | None]
    precipitation_sum: list[float | None]

    @model_validator(mode="after")
    def check_lengths(self) -> Self:
        measured = (self.temperature_2m_min, self.temperature_2m_max, self.precipitation_sum)
        if any(len(column) != len(self.time) for column in measured):
            raise ValueError("the columns differ in length")
        return self


class Daily(BaseModel):
    daily: Columns


class Refusal(BaseModel):
    reason: str


async def temperature(city: City, ctx: Context[OpenMeteo]) -> Temperature:
    """Get the current temperature of a city in degrees Celsius, and the local time of the measurement."""
    service = ctx.request_context.lifespan_context
    place = await find(service, city)
    now = (await ask_forecast(service, place, Current, current="temperature_2m")).current
    return {"city": place.name, "country": place.country, "time": now.time, "celsius": now.temperature_2m}


async def forecast(city: City, ctx: Context[OpenMeteo], days: Days = 3) -> Forecast:
    """Get the forecast of a city for the coming days: lowest and highest temperature, precipitation."""
    service = ctx.request_context.lifespan_context
    place = await find(service, city)
    wanted = "temperature_2m_min,temperature_2m_max,precipitation_sum"
    daily = (await ask_forecast(service, place, Daily, daily=wanted, forecast_days=days)).daily
    columns = (daily.time, daily.temperature_2m_min, daily.temperature_2m_max, daily.precipitation_sum)
    return {
        "city": place.name,
        "country": place.country,
        "days": [
            {"date": date, "lowest_celsius": lowest, "highest_celsius": highest, "precipitation_mm": precipitation}
            for date, lowest, highest, precipitation in zip(*columns, strict=True)
        ],
    }


async def find(service: OpenMeteo, city: str) -> Place:
    places = await ask(service.client, f"{service.geocoding_url}/v1/search", Places, name=city, count=1)
    if not places.results:
        raise ToolError(f"Unknown city {city!r}.")
    return places.results[0]


async def ask_forecast(service: OpenMeteo, place: Place, shape: type[Answer], **query: str | float) -> Answer:
    query = {"latitude": place.latitude, "longitude": place.longitude, "timezone": "auto", **query}
    return await ask(service.client, f"{service.forecast_url}/v1/forecast", shape, **query)


async def ask(client: httpx2.AsyncClient, url: str, shape: type[Answer], **query: str | float) -> Answer:
    """Returns the answer of the service as a `shape`. Raises ToolError with the reason if that fails."""
    try:
        response = await client.get(url, params=query)
        if not response.is_success:
            raise ToolError(f"The weather service refused: {reason(response)}.")
        return shape.model_validate_json(response.content)
    except httpx2.TimeoutException as exc:
        raise ToolError("The weather service did not answer in time.") from exc
    except httpx2.HTTPError as exc:
        raise ToolError("The weather service cannot be reached.") from exc
    except ValidationError as exc:
        raise ToolError("The weather service gave an answer of an unexpected shape.") from exc


def reason(response: httpx2.Response) -> str:
    try:
        return Refusal.model_validate_json(response.content).reason.rstrip(".")
    except ValidationError:
        return f"it answered with status {response.status_code}"
