"""The SDK's session manager of one endpoint, with bounds and with an event store for each session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from gateway.sdk.events import EventLimits, Events
from gateway.sdk.request_body import BoundedBody


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server. Times are seconds, `max_body` is bytes. A stateless server has no sessions or events.

    `retry_interval` is the delay after which a client that lost its stream connects again. `waiting_calls` are those
    that wait for input from their client.
    """

    threads: int
    max_body: int
    stateless: bool
    max_sessions: int
    session_idle_timeout: float
    input_timeout: float
    waiting_calls: int = 100
    retry_interval: float = 1.0
    events: EventLimits = field(default_factory=EventLimits)


class SessionManager(StreamableHTTPSessionManager):
    """The SDK's manager with an event store for each session.

    The SDK reads `event_store` once for each session that it opens, and hands the store only request ids, which
    every session counts from 1. With one store for all, a client could replay another client's events.
    """

    def __init__(self, app: LowLevelServer[Any], new_store: Callable[[], EventStore] | None, **options: Any) -> None:
        self._new_store = new_store
        super().__init__(app, **options)
        self.asgi_app = BoundedBody(self._handle_request, self.max_request_body_size)  # type: ignore[assignment]

    @property
    def event_store(self) -> EventStore | None:
        return self._new_store() if self._new_store is not None else None

    @event_store.setter
    def event_store(self, store: EventStore | None) -> None:
        """Ignores the default that the base class sets."""

    def end_streams(self) -> None:
        """Closes the streams that sessions hold open with a GET, as at their end."""
        for transport in list(self._server_instances.values()):
            transport.close_standalone_sse_stream()

    @property
    def open_sessions(self) -> int:
        return len(self._server_instances)


def session_manager(server: LowLevelServer[Any], limits: Limits) -> SessionManager:
    if limits.stateless:
        return SessionManager(server, None, stateless=True, max_request_body_size=limits.max_body)
    events = Events(limits.events)
    return SessionManager(
        server,
        events.new_store,
        retry_interval=round(limits.retry_interval * 1000),  # milliseconds
        session_idle_timeout=limits.session_idle_timeout,
        max_request_body_size=limits.max_body,
        max_sessions=limits.max_sessions,
    )
