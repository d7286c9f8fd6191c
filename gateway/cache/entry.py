"""A cached result, and the interface of the stores that hold results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Entry:
    """A result in both forms: `body` and `wrapped` for JSON, `wire` for native MCP, as in `ToolResult`."""

    body: bytes
    wrapped: bool
    wire: bytes

    @property
    def size(self) -> int:
        return len(self.body) + len(self.wire)


@dataclass(slots=True)
class Stored:
    """An entry with its `age` and its remaining lifetime `ttl`, both in seconds.

    `collapsed` marks the result of a run that the caller waited for: it was not read from a store.
    """

    entry: Entry
    age: float
    ttl: float
    collapsed: bool = False


class Store(Protocol):
    """Holds entries by key. No method raises: a store that cannot answer finds nothing and stores nothing."""

    def local(self, key: bytes) -> Stored | None:
        """Returns the entry if this process holds it. Never waits."""
        ...

    async def get(self, key: bytes) -> Stored | None: ...

    async def put(self, key: bytes, entry: Entry, ttl: float) -> bool:
        """Stores an entry for `ttl` seconds in place of any other. Returns false if it was not stored."""
        ...
