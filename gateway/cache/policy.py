"""What a tool says of its own caching: `meta={"cache": {"ttl": 60, "scope": "public"}}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gateway.errors import LoadError

Meta = Mapping[str, Any] | None
LONGEST = 7 * 24 * 3600.0
SCOPES = ("private", "public")


@dataclass(frozen=True, slots=True)
class Mark:
    """`ttl` is in seconds. Where it is not `public`, an answer is for the caller alone who asked."""

    ttl: float
    public: bool

    @classmethod
    def of(cls, meta: Meta) -> Mark | None:
        """The mark in a tool's `_meta`; None where there is none.

        Raises:
            ValueError: says what is wrong with the mark.
        """
        if meta is None or "cache" not in meta:
            return None
        said = meta["cache"]
        if not isinstance(said, Mapping):
            raise ValueError(f'`cache` must be an object like {{"ttl": 60}}, not {said!r}')
        unknown = [key for key in said if key not in ("ttl", "scope")]
        if unknown:
            raise ValueError(f"`cache` has no {unknown[0]!r}; it has `ttl` and `scope`")
        ttl: Any = said.get("ttl")
        scope = said.get("scope", SCOPES[0])
        if type(ttl) not in (int, float) or not isfinite(ttl) or not 0 < ttl <= LONGEST:
            raise ValueError(f"`cache.ttl` must be seconds, more than 0 and at most {LONGEST:.0f}, not {ttl!r}")
        if scope not in SCOPES:
            raise ValueError(f"`cache.scope` must be one of {', '.join(SCOPES)}, not {scope!r}")
        return cls(float(ttl), scope == "public")


def check(tools: Iterable[tuple[str, str, Meta]]) -> None:
    """Servers, their tools and what is in their `_meta`, before any is served.

    Raises:
        LoadError: a mark is not as it must be.
    """
    for server, tool, meta in tools:
        try:
            Mark.of(meta)
        except ValueError as exc:
            raise LoadError(f"server {server!r}, tool {tool!r}: {exc}") from exc
