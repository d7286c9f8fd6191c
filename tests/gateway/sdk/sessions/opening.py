"""Requests that open sessions and streams, and their refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from tests import wire
from tests.conftest import server_of

Http = httpx2.AsyncClient
Headers = Mapping[str, str]
ENDPOINTS = ["/one/mcp", "/mcp"]
ANYBODY: Headers = {}


async def add(a: int, b: int) -> int:
    return a + b


def one() -> MCPServer[Any]:
    return server_of(add)


async def initialize(http: Http, url: str, headers: Headers = ANYBODY) -> httpx2.Response:
    return await http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **headers})


def refused(answer: httpx2.Response) -> dict[str, Any]:
    """Returns the data of the JSON-RPC error, and checks that it says as much as the headers."""
    message = answer.json()
    assert (message["jsonrpc"], message["id"], message["error"]["code"]) == ("2.0", None, -32000)
    data: dict[str, Any] = message["error"]["data"]
    assert answer.headers.get("retry-after") == (str(data["retryAfter"]) if "retryAfter" in data else None)
    return data


@asynccontextmanager
async def listening(http: Http, url: str, headers: Headers = ANYBODY) -> AsyncIterator[dict[str, Any]]:
    """Opens a listen stream, and yields its first message."""
    needed, body = wire.modern("subscriptions/listen", notifications={"toolsListChanged": True})
    async with http.stream("POST", url, json=body, headers={**needed, **headers}) as answer:
        if answer.headers["content-type"] == "application/json":
            await answer.aread()
            yield answer.json()
            return
        async for text in answer.aiter_text():
            yield wire.messages(text)[0]
            break


async def listens(http: Http, url: str, headers: Headers = ANYBODY) -> bool:
    """Opens a listen stream and closes it. Returns False if the caller's share or a rate limit is exceeded."""
    async with listening(http, url, headers) as first:
        if "error" in first:
            assert first["error"]["data"]["type"] in ("share-exceeded", "rate-limited")
        return "error" not in first


def sessions_of(app: Starlette) -> int:
    count: int = app.state.registry["one"].sessions
    return count
