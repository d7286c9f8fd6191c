"""The bounds of one server, and the SDK's session manager made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mcp.server import Server as LowLevelServer

from gateway.sdk import internals as sdk
from gateway.sdk.events import EventLimits, Events


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


def session_manager(server: LowLevelServer[Any], limits: Limits) -> sdk.SessionManager:
    if limits.stateless:
        return sdk.SessionManager(server, None, stateless=True, max_request_body_size=limits.max_body)
    events = Events(limits.events)
    return sdk.SessionManager(
        server,
        events.new_store,
        retry_interval=round(limits.retry_interval * 1000),  # milliseconds
        session_idle_timeout=limits.session_idle_timeout,
        max_request_body_size=limits.max_body,
        max_sessions=limits.max_sessions,
    )
