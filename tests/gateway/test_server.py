"""A class with the interface of a server, which is served like a local server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.tool import Entry, ToolInfo
from tests.calls import Known, make_call

pytestmark = pytest.mark.anyio


class Stub:
    """A server without MCP: its one tool returns the server's name."""

    sessions = 0
    status = {"status": "ok"}

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = False
        self._entry = Known("who")
        self._tools = [self._entry.info]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self.is_open = True
        yield
        self.is_open = False

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools

    def find(self, tool: str) -> Entry | None:
        return self._entry if tool == "who" else None

    async def drained(self) -> None:
        pass

    def end_streams(self) -> None:
        pass

    instructions: str | None = None
    extensions: Mapping[str, Mapping[str, Any]] = {}

    def handles(self, method: str) -> bool:
        return False

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        raise NotImplementedError

    def watching(self, ctx: Any, uris: Collection[str], listener: Callable[[Any], None]) -> Any:
        raise NotImplementedError

    async def call(self, call: ToolCall) -> ToolResult:
        return ToolResult(f'{{"result":"{self.name}"}}'.encode())


async def test_stub_is_opened_named_and_called_like_any_other_server() -> None:
    stubs = [Stub("one"), Stub("two")]
    servers: list[Server] = [*stubs]
    registry = Registry()
    for each in servers:
        registry.hold(each)
    names = Names(registry)
    async with registry.opened():
        assert [stub.is_open for stub in stubs] == [True, True]
        server, tool = names.locate("two_who")
        result = await registry[server].call(make_call(tool, server=server, entry=registry[server].find(tool)))
    assert result.body == b'{"result":"two"}'
    assert [stub.is_open for stub in stubs] == [False, False]
