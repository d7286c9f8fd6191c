"""The interfaces of a server: what calls need, what an endpoint needs, what the aggregate needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from starlette.types import ASGIApp

from gateway.call import ToolCall, ToolResult
from gateway.tool import Entry, ToolInfo


class Callee(Protocol):
    """Has a name, lists tools, takes calls."""

    @property
    def name(self) -> str: ...

    def tools(self) -> Sequence[ToolInfo]:
        """Returns the current tools in their order. The same object until they change."""
        ...

    def find(self, tool: str) -> Entry | None:
        """Returns the tool of this name, which may lack the suffix `_tool`, in constant time; None if unknown."""
        ...

    def call(self, call: ToolCall) -> Coroutine[Any, Any, ToolResult]:
        """Takes `call` through the interceptors to its tool.

        Raises:
            GatewayError: the call did not reach the tool, or the tool crashed.
        """
        ...


class Endpoint(Protocol):
    """A native MCP endpoint."""

    @property
    def app(self) -> ASGIApp:
        """The ASGI application, for any path."""
        ...

    @property
    def sessions(self) -> int:
        """The number of open sessions."""
        ...

    def end_streams(self) -> None:
        """Ends the streams that stay open as long as their clients like."""
        ...


class Peer(Protocol):
    """Answers native requests that came in at another endpoint."""

    @property
    def instructions(self) -> str | None:
        """The text that tells models how to use the server."""
        ...

    @property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings of the protocol extensions that the server has, by their identifiers."""
        ...

    def handles(self, method: str) -> bool:
        """Returns True if the native endpoint has a handler for this request or notification."""
        ...

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers a native request as this server's own endpoint would. The answer to a notification is empty.

        `ctx` is the SDK's request context with the client's session; only the SDK's types know it. Returns the result
        as it goes on the wire.
        """
        ...

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Calls `listener` with each change event (the SDK's `ServerEvent`) until the returned function is called."""
        ...

    def watching(
        self, ctx: Any, uris: Collection[str], listener: Callable[[Any], None]
    ) -> AbstractAsyncContextManager[Collection[str]]:
        """Watches resources by their own URIs, for the client of `ctx`. Yields those that can be watched.

        `listener` is called with the events that concern this client alone; `subscribe` tells the others.

        Raises:
            MCPError: there are too many, or the server cannot be reached.
        """
        ...


class Server(Callee, Endpoint, Peer, Protocol):
    """A served server."""

    @property
    def status(self) -> Mapping[str, Any]:
        """The state for `/health`: `status` is `ok`, `starting`, `idle` or `failing`; the rest is for its operator."""
        ...

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Returns the server's lifetime. Entered and left once, by the same task."""
        ...

    async def drained(self) -> None:
        """Waits until no call and no native request is in flight."""
        ...
