"""Legacy sessions of one endpoint, which hear of changes on the stream that they open with a GET.

Clients of 2026-07-28 hear of them on the `subscriptions/listen` streams that they open.
"""

from __future__ import annotations

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import ServerEvent

from gateway.sdk.changes.notifier import Notifier
from gateway.sdk.internals import connection_of

Context = ServerRequestContext[Any, Any]


class LegacySessions:
    """An SDK middleware that notes each initialized session until it closes."""

    def __init__(self) -> None:
        self._notifiers: dict[int, Notifier] = {}

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method == "notifications/initialized":
            self.note(ctx)
        return await call_next(ctx)

    def note(self, ctx: Context) -> Notifier | None:
        """Returns the notifier of a session that has just been initialized; None for one that was, or has no id."""
        connection = connection_of(ctx)
        number = id(connection.state)
        if connection.session_id is None or number in self._notifiers:
            return None
        notifier = self._notifiers[number] = Notifier(connection)
        connection.exit_stack.callback(self._notifiers.pop, number, None)
        return notifier

    def tell(self, event: ServerEvent, but: int | None = None) -> None:
        """Tells every session that a list has changed, but the one whose state has the id `but`."""
        for number, notifier in self._notifiers.items():
            if number != but:
                notifier.tell(event)
