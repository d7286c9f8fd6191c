"""What a request says about caching, and what its answer is to say: HTTP on one side, the cache on the other."""

from __future__ import annotations

from contextvars import ContextVar


class Note:
    """`refresh`: run the tool, and keep the new result. `off`: neither read nor keep.

    `status` is in the words of RFC 9211, None where no cache took part; `age` is in seconds. They are
    attributes of the class: most requests change none.
    """

    refresh: bool = False
    off: bool = False
    status: str | None = None
    age: float | None = None


note: ContextVar[Note | None] = ContextVar("cache_note", default=None)
"""Set for each request by what stands in front of it; None where a call came in without one."""
