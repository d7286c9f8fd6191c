"""A server that calls another service. To serve it, copy both files of this folder to mcp_servers/."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp.server.mcpserver import MCPServer
from weather_tools import OpenMeteo, forecast, temperature


@asynccontextmanager
async def lifespan(server: MCPServer[OpenMeteo]) -> AsyncIterator[OpenMeteo]:
    """Reads the settings and opens one HTTP client for all calls."""
    seconds = float(os.environ.get("WEATHER_TIMEOUT", "10"))
    geocoding_url = os.environ.get("WEATHER_GEOCODING_URL", "https://geocoding-api.open-meteo.com")
    forecast_url = os.environ.get("WEATHER_FORECAST_URL", "https://api.open-meteo.com")
    async with httpx2.AsyncClient(timeout=seconds) as client:
        yield OpenMeteo(client, geocoding_url.rstrip("/"), forecast_url.rstrip("/"))


mcp = MCPServer("weather", lifespan=lifespan)
mcp.add_tool(temperature)
mcp.add_tool(forecast)
