"""What the code of a server tells the client of one session, which concerns all who listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.subscriptions import ServerEvent
from mcp.shared.dispatcher import CallOptions, Outbound
from mcp.shared.subscriptions import event_from_wire


class Observed:
    """A `channel` of a session. `said` is called with each change of which its client is told."""

    def __init__(self, channel: Outbound, said: Callable[[ServerEvent], None]) -> None:
        self.channel = channel
        self._said = said

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        return await self.channel.send_raw_request(method, params, opts)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        if (event := event_from_wire(method, params)) is not None:
            self._said(event)
        await self.channel.notify(method, params, opts)


def unobserved(channel: Outbound) -> Outbound:
    """Returns the channel of a session for what its client is told by the router."""
    return channel.channel if isinstance(channel, Observed) else channel
