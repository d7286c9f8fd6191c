"""The bounds of one server, and the SDK's session manager made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp.server import Server as LowLevelServer

from gateway.sdk import internals as sdk
from gateway.sdk.events import EventLimits, Events


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server may use. Times are seconds, `max_body` is bytes; stateless, there are no sessions or events."""

    threads: int = 40
    max_body: int = 4 * 1024 * 1024
    stateless: bool = False
    max_sessions: int = 10_000
    session_idle_timeout: float = 1800.0
    retry_interval: float = 1.0
    input_timeout: float = 300.0
    waiting_calls: int = 100
    events_per_stream: int = 256
    events_max_bytes: int = 64 * 1024 * 1024


def session_manager(server: LowLevelServer[Any], limits: Limits) -> sdk.SessionManager:
    if limits.stateless:
        return sdk.SessionManager(server, None, stateless=True, max_request_body_size=limits.max_body)
    events = Events(EventLimits(per_stream=limits.events_per_stream, total_bytes=limits.events_max_bytes))
    return sdk.SessionManager(
        server,
        events.new_store,
        retry_interval=round(limits.retry_interval * 1000),
        session_idle_timeout=limits.session_idle_timeout,
        max_request_body_size=limits.max_body,
        max_sessions=limits.max_sessions,
    )
