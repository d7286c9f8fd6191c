"""The one interface: what a served server is, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NotRequired, Protocol, TypedDict

from starlette.types import ASGIApp

from gateway.call import ToolCall, ToolResult


class ToolInfo(TypedDict):
    """A tool as MCP lists it on the wire."""

    name: str
    title: NotRequired[str]
    description: NotRequired[str]
    inputSchema: dict[str, Any]
    outputSchema: NotRequired[dict[str, Any]]
    annotations: NotRequired[dict[str, Any]]


class Status(TypedDict):
    """How a server is: the number of its tools and of its open MCP sessions."""

    tools: int
    sessions: int


class Callee(Protocol):
    """Has a name, and takes calls."""

    @property
    def name(self) -> str: ...

    def call(self, call: ToolCall) -> Coroutine[Any, Any, ToolResult]:
        """Take `call` through the interceptors to its tool. The suffix `_tool` may be left off its name.

        Raises:
            GatewayError: what kept the call from the tool.
        """
        ...


class Server(Callee, Protocol):
    """Opens and closes; lists tools; calls a tool; hands out its native MCP endpoint."""

    @property
    def mcp(self) -> ASGIApp:
        """The native MCP endpoint, to be mounted at any path."""
        ...

    def opened(self) -> AbstractAsyncContextManager[None]:
        """The server's lifetime. Entered and left once, by the same task."""
        ...

    def tools(self) -> Sequence[ToolInfo]:
        """The tools as they are now, in their order. The same object as long as nothing changed."""
        ...

    def status(self) -> Status: ...

    def end_streams(self) -> None:
        """End the streams that stay open for as long as their clients like."""
        ...

    def handles(self, method: str) -> bool:
        """Whether the native MCP endpoint knows this method."""
        ...

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a native MCP request that came in elsewhere, as this server's own endpoint would.

        `ctx` is the SDK's request context, with the client's session. The answer is in wire form.
        """
        ...

    async def admit(self, tool: str, arguments: dict[str, Any]) -> None:
        """Let a native call that the caller may make pass by; take another to the interceptor that refuses it.

        Raises:
            Forbidden: it is refused, and recorded as a call.
        """
        ...

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Hear the server's change events (the SDK's `ServerEvent`) until the function returned is called."""
        ...
