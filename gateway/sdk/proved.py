"""The channels by which a tool reports to its client and asks it. Only what the client can read goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.context import ServerRequestContext

from gateway.sdk.internals import connection_of, request_channel, with_session
from gateway.sendable import check_size, prove

Context = ServerRequestContext[Any, Any]


class ProvedChannel:
    """Stands in front of a channel of the SDK, and has all of its other attributes.

    A message that cannot be written would end the session: the SDK writes it in a task that serves all requests of the
    session. So it is an error of the tool that sends it. A message has at most `max_bytes`.
    """

    def __init__(self, channel: Any, max_bytes: int) -> None:
        self._channel = channel
        self._max_bytes = max_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def notify(self, method: str, params: Mapping[str, Any] | None, *options: Any) -> None:
        self._prove(params)
        await self._channel.notify(method, params, *options)

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, *options: Any) -> dict[str, Any]:
        self._prove(params)
        answer: dict[str, Any] = await self._channel.send_raw_request(method, params, *options)
        return answer

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        self._prove([progress, total, message])
        await self._channel.progress(progress, total, message)

    def _prove(self, value: Any) -> None:
        check_size(prove(value, self._max_bytes), self._max_bytes)


def with_proved_channels(ctx: Context, max_bytes: int) -> Context:
    """Returns the same request, whose messages to the client are proved before they are sent."""
    connection = connection_of(ctx)
    if not isinstance(connection.outbound, ProvedChannel):
        connection.outbound = ProvedChannel(connection.outbound, max_bytes)
    channel = ProvedChannel(request_channel(ctx), max_bytes)
    return with_session(ctx, type(ctx.session), _request_outbound=channel)
