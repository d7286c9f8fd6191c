"""The source of what a page shows: the calls of this process, or those of all processes of the deployment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.console.feed import Feed

MAX_SENT = 500
"""Calls that a page is sent at once. It shows no more."""

ONE_WORKER = "This is one of {} workers: only its calls are seen, since there is no folder for sockets between them."
CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})")
"""The name of a process, and a number of its sequence."""

Shown = dict[str, Any]
Figures = Mapping[str, Mapping[str, Any]]


class Chunk(NamedTuple):
    """Calls that ended after a cursor, the cursor after them, and how many of them are not among `calls`.

    `is_start` is True if the cursor was none of this source: these are the last calls there are, whatever came before.
    """

    calls: list[Shown]
    cursor: str
    missed: int = 0
    is_start: bool = False


class Source(Protocol):
    """`reach` says whose calls these are: `process`, `workers` or `replicas`. `trouble` is empty if all is well."""

    @property
    def reach(self) -> str: ...

    @property
    def trouble(self) -> str: ...

    async def watch(self) -> None:
        """Tells each process that somebody looks, so that it notes the steps of its next calls."""
        ...

    async def after(self, cursor: str) -> Chunk:
        """Returns what ended after a cursor. With one that is empty or unknown, the last calls there are."""
        ...

    async def states(self) -> Sequence[Shown]:
        """Returns the state of each process."""
        ...

    async def of_request(self, request_id: str) -> Sequence[Shown]:
        """Returns the calls of a request that are still kept, with their arguments and results."""
        ...

    async def figures(self) -> Sequence[Figures]:
        """Returns the figures of each process."""
        ...

    async def refusals(self) -> Sequence[Shown]:
        """Returns what was refused last."""
        ...

    async def connections(self) -> Sequence[Shown]:
        """Returns the sessions, streams and sockets that are open."""
        ...

    async def cancel(self, process: str, number: int) -> bool:
        """Cancels a call in flight. Returns False if it is not known to be in flight."""
        ...


class OwnProcess:
    """The calls of this process alone. A cursor is its name and a number of its sequence."""

    reach = "process"

    def __init__(self, feed: Feed, workers: int = 1) -> None:
        self._feed = feed
        self.trouble = "" if workers == 1 else ONE_WORKER.format(workers)

    async def watch(self) -> None:
        self._feed.watch()

    async def after(self, cursor: str) -> Chunk:
        feed, ring = self._feed, self._feed.ring
        feed.watch()
        feed.flush()
        found = CURSOR.fullmatch(cursor)
        number = int(found[2]) if found is not None and found[1] == feed.process else -1
        is_known = 0 <= number <= ring.last
        calls, missed = ring.after(number if is_known else 0, MAX_SENT)
        shown = [feed.shown(call) for call in calls]
        return Chunk(shown, f"{feed.process}-{ring.last}", missed if is_known else 0, not is_known)

    async def states(self) -> Sequence[Shown]:
        return [self._feed.state()]

    async def of_request(self, request_id: str) -> Sequence[Shown]:
        self._feed.flush()
        return [self._feed.shown(call) for call in self._feed.ring.of_request(request_id)]

    async def figures(self) -> Sequence[Figures]:
        return [self._feed.figures()]

    async def refusals(self) -> Sequence[Shown]:
        return [*self._feed.refusals]

    async def connections(self) -> Sequence[Shown]:
        return self._feed.connections()

    async def cancel(self, process: str, number: int) -> bool:
        return process == self._feed.process and self._feed.cancel(number)


def without_content(call: Shown) -> Shown:
    """Returns a call without its arguments, its result, its marks and its steps."""
    return {name: value for name, value in call.items() if name not in ("arguments", "result", "marks", "steps")}


def ended(call: Shown) -> float:
    """Returns when a call ended, in seconds since 1970."""
    return float(call["begun"] + call["seconds"])
