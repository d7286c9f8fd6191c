"""Whatever has the interface is a server: nothing asks what kind it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult, chain
from gateway.server import Server, Status, ToolInfo
from gateway.servers.names import Names
from gateway.servers.registry import Registry

pytestmark = pytest.mark.anyio


class Stub:
    """A server without MCP: its one tool says its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = False
        self._tools: Sequence[ToolInfo] = [{"name": "who", "inputSchema": {"type": "object"}}]

    async def mcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self.is_open = True
        yield
        self.is_open = False

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools

    def status(self) -> Status:
        return {"tools": 1, "sessions": 0}

    def end_streams(self) -> None:
        pass

    def handles(self, method: str) -> bool:
        return False

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    async def admit(self, tool: str, arguments: dict[str, Any]) -> None:
        raise NotImplementedError

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        raise NotImplementedError

    async def call(self, call: ToolCall) -> ToolResult:
        return ToolResult(f'{{"result":"{self.name}"}}'.encode())


async def test_a_stub_is_opened_named_and_called_as_any_other_server() -> None:
    stubs = [Stub("one"), Stub("two")]
    servers: list[Server] = [*stubs]
    registry = Registry(servers)
    names = Names(registry, chain([]))
    async with registry.opened():
        assert [stub.is_open for stub in stubs] == [True, True]
        server, tool = names.locate("two_who")
        result = await registry[server].call(ToolCall(server, tool, {}, "call"))
    assert result.body == b'{"result":"two"}'
    assert [stub.is_open for stub in stubs] == [False, False]
