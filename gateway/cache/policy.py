"""The cache policy that a tool declares: `meta={"cache": {"ttl": 60, "scope": "public"}}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gateway.errors import LoadError

Meta = Mapping[str, Any] | None
MAX_TTL = 7 * 24 * 3600.0
SCOPES = ("private", "public")


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """`ttl` is in seconds. A result that is not `public` is for its own caller only."""

    ttl: float
    public: bool

    @classmethod
    def of(cls, meta: Meta) -> CachePolicy | None:
        """Returns the policy in a tool's `_meta`, or None if it declares none.

        Raises:
            ValueError: the policy is invalid; the message says why.
        """
        if meta is None or "cache" not in meta:
            return None
        declared = meta["cache"]
        if not isinstance(declared, Mapping):
            raise ValueError(f'`cache` must be an object like {{"ttl": 60}}, not {declared!r}')
        unknown = [key for key in declared if key not in ("ttl", "scope")]
        if unknown:
            raise ValueError(f"`cache` has an unknown field {unknown[0]!r}; its fields are `ttl` and `scope`")
        ttl: Any = declared.get("ttl")
        scope = declared.get("scope", SCOPES[0])
        if type(ttl) not in (int, float) or not isfinite(ttl) or not 0 < ttl <= MAX_TTL:
            raise ValueError(f"`cache.ttl` must be seconds, more than 0 and at most {MAX_TTL:.0f}, not {ttl!r}")
        if scope not in SCOPES:
            raise ValueError(f"`cache.scope` must be one of {', '.join(SCOPES)}, not {scope!r}")
        return cls(float(ttl), scope == "public")


def check(tools: Iterable[tuple[str, str, Meta]]) -> None:
    """Checks the policies of tools, given as server, tool and `_meta`, before any of them is served.

    Raises:
        LoadError: a policy is invalid.
    """
    for server, tool, meta in tools:
        try:
            CachePolicy.of(meta)
        except ValueError as exc:
            raise LoadError(f"server {server!r}, tool {tool!r}: {exc}") from exc
