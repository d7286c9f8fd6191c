"""Cache directives of a request and the cache status of its response, between the HTTP middleware and the cache."""

from __future__ import annotations

from contextvars import ContextVar


class CacheInfo:
    """`refresh`: run the tool and store the new result. `no_store`: neither read nor store.

    `status` is in the words of RFC 9211, or None if no cache took part; `age` is in seconds.
    """

    # Class attributes: most requests change none of them, and creating the object costs nothing.
    refresh: bool = False
    no_store: bool = False
    status: str | None = None
    age: float | None = None


cache_info: ContextVar[CacheInfo | None] = ContextVar("cache_info", default=None)
"""Set for each HTTP request by its middleware; None for a call that came in without it."""
