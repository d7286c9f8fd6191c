"""Native calls of a real process, and the values in their results."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.clients import Era, Wire
from tests.wire import MODERN


@asynccontextmanager
async def connected(
    http: httpx2.AsyncClient, era: Era, path: str = "/one/mcp", **options: Any
) -> AsyncIterator[Client]:
    transport = streamable_http_client(str(http.base_url.join(path)), http_client=http)
    async with Client(transport, mode="legacy" if era == "legacy" else MODERN, **options) as client:
        yield client


def value(answer: Wire) -> Any:
    """Returns the value of a tool in a result of MCP, which FastMCP wraps in the session era alone."""
    structured = answer.get("structuredContent")
    if structured is None:
        [block] = answer["content"]
        return block["text"] if block["type"] == "text" else answer["content"]
    return structured["result"] if isinstance(structured, dict) and [*structured] == ["result"] else structured
