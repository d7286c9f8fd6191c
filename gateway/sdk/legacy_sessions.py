"""Legacy sessions of one endpoint, which hear that its lists changed.

Clients of 2026-07-28 hear it on the `subscriptions/listen` streams that they open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ToolsListChanged

from gateway.sdk.internals import connection_of

LIST_CHANGED: Mapping[type[ServerEvent], str] = {
    ToolsListChanged: "notifications/tools/list_changed",
    PromptsListChanged: "notifications/prompts/list_changed",
    ResourcesListChanged: "notifications/resources/list_changed",
}
"""The notification of a session that says the same as an event."""


class LegacySessions:
    """An SDK middleware that notes each initialized session until it closes."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "notifications/initialized":
            connection = connection_of(ctx)
            if connection.session_id is not None and id(connection) not in self._connections:
                self._connections[id(connection)] = connection
                connection.exit_stack.callback(self._connections.pop, id(connection), None)
        return await call_next(ctx)

    async def list_changed(self, method: str) -> None:
        """Tells every session that one of the lists may have changed: that of a notification of this method."""
        for connection in [*self._connections.values()]:
            await connection.notify(method, None)
