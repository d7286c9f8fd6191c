"""Calls of a server: in plain JSON, and with the SDK's client in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.transport import BASE
from tests.wire import BOTH_TYPES, INITIALIZE, INITIALIZED, LEGACY, MODERN, in_session, messages

Era = Literal["legacy", "modern"]
Wire = dict[str, Any]
ERAS: tuple[Era, ...] = ("legacy", "modern")


async def post(http: httpx2.AsyncClient, tool: str, arguments: Any = None, server: str = "one") -> httpx2.Response:
    body = {"tool": tool} if arguments is None else {"tool": tool, "arguments": arguments}
    return await http.post(f"/{server}/mcp/call", json=body)


async def open_session(http: httpx2.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Opens a legacy session with additional `headers` and returns the session's own headers."""
    given = headers or {}
    answer = await http.post(url, json=INITIALIZE, headers={**BOTH_TYPES, **given})
    assert messages(answer.text)[0]["result"]["protocolVersion"] == LEGACY
    session = in_session(answer.headers["mcp-session-id"])
    assert (await http.post(url, json=INITIALIZED, headers={**session, **given})).status_code == 202
    return session


async def open_sessions(http: httpx2.AsyncClient, url: str = "/health") -> int:
    """Returns the number of open sessions over all servers, or that of another health URL."""
    count: int = (await http.get(url)).json()["sessions"]
    return count


@asynccontextmanager
async def connected(http: httpx2.AsyncClient, era: Era, server: str = "one", **options: Any) -> AsyncIterator[Client]:
    """Connects the SDK's client to a server's native endpoint, or to `/mcp` if `server` is empty."""
    url = f"{BASE}/{server}/mcp" if server else f"{BASE}/mcp"
    transport = streamable_http_client(url, http_client=http)
    async with Client(transport, mode="legacy" if era == "legacy" else MODERN, **options) as client:
        yield client


async def answered(client: Client, tool: str, arguments: dict[str, Any] | None = None) -> Wire:
    """Returns the result on the wire, or `{"error": …}` if it is a protocol error or does not match the schema."""
    try:
        result = await client.session.call_tool(tool, arguments, allow_input_required=True)
    except (MCPError, RuntimeError) as exc:
        return {"error": str(exc)}
    wire = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in wire.items() if key not in ("_meta", "resultType")}


async def error_of(client: Client, tool: str, arguments: dict[str, Any] | None = None) -> Wire:
    """Returns the protocol error of a call."""
    try:
        await client.session.call_tool(tool, arguments)
    except MCPError as exc:
        return exc.error.model_dump(mode="json", exclude_none=True)
    raise AssertionError("the call was answered with a result")


def text_error(text: str) -> Wire:
    """Returns a result that reports a failure to the model."""
    return {"content": [{"type": "text", "text": text}], "isError": True}
