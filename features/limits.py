"""Limits of calls, such as `MCP_RATE_LIMIT` and `MCP_CALL_TIMEOUT`, and of what each server may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.feature import Feature
from gateway.clock import TimeLimits
from gateway.limits.timeout import Timeout
from gateway.places import Places, part
from gateway.sdk.asking.waiting import WAITING
from gateway.sdk.sessions.clients import Clients
from gateway.sdk.sessions.sessions import Limits
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.redis import RedisClient
    from gateway.sdk.sessions.openings import CountOpening

MAX_WAITING = 1000
"""The calls that wait for input, over all servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits(Feature):
    """`count_opening` counts sessions and streams."""

    count_opening: CountOpening | None = None


def time_limit(settings: Settings) -> Timeout:
    return Timeout(TimeLimits(settings.call_timeout, settings.call_total_timeout, settings.input_timeout))


def server_limits(settings: Settings, count_opening: CountOpening | None, clients: Clients | None) -> Limits:
    return Limits(
        threads=settings.threads,
        max_body=settings.max_body,
        max_result=settings.max_result,
        stateless=settings.stateless,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_idle_timeout,
        input_timeout=settings.input_timeout,
        all_waiting=Places(MAX_WAITING, part(MAX_WAITING, settings.max_share), WAITING),
        share=settings.max_share,
        count_opening=count_opening,
        clients=clients,
    )


def check_rate_limit(settings: Settings) -> None:
    """Raises LoadError if the rules cannot be read."""
    if settings.rate_limit:
        from gateway.limits.rate_rules import Rules

        Rules(settings.rate_limit)


def rate_limits(settings: Settings, redis: RedisClient | None) -> RateLimits:
    """Counts in Redis if there is one, else in this process. Raises LoadError if the rules cannot be read."""
    if not settings.rate_limit:
        return RateLimits()
    from gateway.limits.rate_limit import RateLimit, Windows
    from gateway.limits.rate_memory import MAX_CALLERS, MemoryWindows
    from gateway.limits.rate_rules import Rules

    rules = Rules(settings.rate_limit)
    windows: Windows
    if redis is None:
        windows = MemoryWindows(2 * MAX_CALLERS * rules.window_count)  # calls and openings
    else:
        from gateway.limits.rate_redis import RedisWindows

        windows = RedisWindows(redis, settings.rate_limit_without_redis == "open")
    limit = RateLimit(rules, windows)
    return RateLimits(interceptors=[limit], count_opening=limit.count_opening)
