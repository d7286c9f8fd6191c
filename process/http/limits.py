"""The limits of connections and requests, before a request is a call."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.address import Networks


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLimits:
    """Times are seconds, `max_body` and `max_body_total` bytes. `trusted` proxies have no bound of their own."""

    head_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive: float = 75.0
    write_timeout: float = 60.0
    linger_time: float = 30.0
    """For which a connection is read after its last answer."""
    linger_silence: float = 5.0
    """Without a byte, which end this."""
    max_connections: int = 10_000
    max_connections_per_address: int = 2_500
    max_body: int = 4 * 1024 * 1024
    max_body_total: int = 64 * 1024 * 1024
    trusted: Networks = ()
