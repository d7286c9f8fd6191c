"""The changes of which the code of a server tells the client of one session, though they concern all who listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from mcp.server.subscriptions import ServerEvent
from mcp.shared.dispatcher import CallOptions, Outbound
from mcp.shared.subscriptions import event_from_wire

is_relaying: ContextVar[bool] = ContextVar("is_relaying", default=False)
"""True where the router itself tells a client of a change: that is no news."""


class Observed:
    """A `channel` of a session. `said` is called with each change of which the server's code tells its client."""

    def __init__(self, channel: Outbound, said: Callable[[ServerEvent], None]) -> None:
        self._channel = channel
        self._said = said

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        return await self._channel.send_raw_request(method, params, opts)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        if not is_relaying.get() and (event := event_from_wire(method, params)) is not None:
            self._said(event)
        await self._channel.notify(method, params, opts)
