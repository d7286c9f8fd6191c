"""What is kept of a call, and what every place that keeps it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Entry:
    """A result for every way in: `body` and `wrapped` for JSON, `wire` for native MCP, as in `ToolResult`."""

    body: bytes
    wrapped: bool
    wire: bytes

    @property
    def size(self) -> int:
        return len(self.body) + len(self.wire)


@dataclass(slots=True)
class Kept:
    """An entry as it was found: `age` and `ttl`, what is left of its time, are in seconds.

    `fresh` means that it was not found but waited for.
    """

    entry: Entry
    age: float
    ttl: float
    fresh: bool = False


class Claim(Protocol):
    """Leave to run the tool, where nothing was found. One of the two must be called."""

    async def keep(self, entry: Entry, ttl: float) -> bool:
        """Whether it is kept now."""
        ...

    def drop(self) -> None:
        """Let the next one try. Nothing happens after `keep`."""
        ...


class Store(Protocol):
    """Where results are kept. It never fails: what cannot be kept is not there."""

    def at_hand(self, key: bytes) -> Kept | None:
        """What is there without asking anybody else."""
        ...

    async def claim(self, key: bytes) -> Kept | Claim:
        """What is there; else leave to bring it, as soon as nobody else is about to."""
        ...

    async def overtake(self, key: bytes) -> Claim:
        """Leave to bring it anew, whatever is there. What was begun before is not kept any more."""
        ...
