"""Limits on calls, and everything that replicas have in common."""

from __future__ import annotations

from dataclasses import dataclass

from settings.reader import choice, secrets, text, whole, word


@dataclass(frozen=True)
class Sharing:
    rate_limit: str = text(
        "MCP_RATE_LIMIT", "", "calls allowed for each caller, such as `100/minute; math:*=1000/minute`"
    )
    redis_url: str = text(
        "REDIS_URL", "", "URL of a Redis or Valkey that replicas share: limits, cache, tools that ask, change events"
    )
    redis_prefix: str = word(
        "MCP_REDIS_PREFIX",
        "name of this deployment in the keys of Redis; routers of equal names share counts and results",
        unset="derived",
    )
    rate_limit_without_redis: str = choice(
        "MCP_RATE_LIMIT_WITHOUT_REDIS",
        "open",
        "`open` allows calls while Redis is unavailable, `closed` answers them with 503",
        choices=("open", "closed"),
    )
    state_keys: tuple[str, ...] = secrets(
        "MCP_STATE_KEYS", "secrets of 32 bytes or more, separated by `,`; the first seals `requestState`, all open it"
    )
    cache_max_bytes: int = whole(
        "MCP_CACHE_MAX_BYTES", 64 * 1024 * 1024, "bytes of the results cached in the memory of a worker", at_least=1024
    )
    idempotency_max_bytes: int = whole(
        "MCP_IDEMPOTENCY_MAX_BYTES",
        64 * 1024 * 1024,
        "bytes of the answers kept for `Idempotency-Key` in memory, an eighth for one; `0` refuses calls with a key",
        at_least=0,
    )
