"""The interface of the backends that take the requests of one upstream server: one, or one for each version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mcp.server.context import ServerRequestContext

from gateway.call import ToolCall
from gateway.tool import ToolInfo
from gateway.upstream.backend import Backend
from gateway.upstream.config import Upstream
from gateway.upstream.current import Current
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.pins.checks import Checks
from gateway.upstream.starts import Starts
from gateway.upstream.telling import Hooks
from gateway.upstream.tools import UpstreamTool


class ServedTools(Protocol):
    """As those methods of `Tools`."""

    def listed(self) -> Sequence[ToolInfo]: ...

    def plan(self, name: str) -> UpstreamTool | None: ...

    def find(self, name: str) -> UpstreamTool | None: ...


class Backends(Protocol):
    """Everything but tool calls goes to the backend of `main`."""

    @property
    def main(self) -> Current: ...

    @property
    def tools(self) -> ServedTools: ...

    @property
    def status(self) -> Mapping[str, Any]: ...

    def describe(self, entry: Upstream, opening: AnyOpening, pins: Checks | None, hooks: Hooks) -> None:
        """Makes the first backend; `entry` is that of `main`."""
        ...

    def begin(self) -> None: ...

    def chosen(self, call: ToolCall, ctx: ServerRequestContext[Any, Any]) -> ServerRequestContext[Any, Any]:
        """Chooses the version for a native call. Returns its request as its backend gets it. Raises MCPError."""
        ...

    async def found(self, call: ToolCall) -> tuple[Backend, UpstreamTool | None]:
        """Returns the backend of a call and its tool there, as `Current.found` does."""
        ...

    async def listed(self) -> object:
        """Waits until the tools are known. Raises Unavailable."""
        ...

    async def ready(self) -> None:
        """Raises StartError if the server cannot be reached."""
        ...

    def leave(self, session: str) -> None: ...

    async def close(self) -> None: ...


class MakeBackends(Protocol):
    def __call__(self, name: str, share: float, starts: Starts) -> Backends: ...
