"""Looks of pages at a source: what is new is read and encoded once for all that look at the same moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.console.source import Shown, Source, without_content

T = TypeVar("T")


class State(NamedTuple):
    """The event with the states of all processes. While `essence` is the same, there is nothing new but the time."""

    essence: tuple[Any, ...]
    event: bytes


class News(NamedTuple):
    """The event with the calls after a cursor, empty if there are none; and the cursor after them."""

    event: bytes
    cursor: str


class Looks:
    """Serves pages from one look at the source for `interval` seconds. Streams wake up together, by `until_next`."""

    def __init__(self, source: Source, interval: float) -> None:
        self._source = source
        self._interval = interval
        self._states = _Moment[State](interval / 2)
        self._news = _Moment[News](interval / 2)

    async def until_next(self) -> None:
        """Waits until the next moment at which all pages look."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._interval - now % self._interval)

    async def state(self) -> State:
        return await self._states.of("", self._state)

    async def after(self, cursor: str) -> News:
        return await self._news.of(cursor, self._after)

    async def _state(self, _: str) -> State:
        states = await self._source.states()
        trouble = self._source.trouble
        data = {"reach": self._source.reach, "trouble": trouble, "processes": states}
        return State((trouble, *map(_essence, states)), _event("state", data))

    async def _after(self, cursor: str) -> News:
        chunk = await self._source.after(cursor)
        if not (chunk.calls or chunk.missed or chunk.is_start):
            return News(b"", chunk.cursor)
        calls = [without_content(call) for call in chunk.calls]
        data = {"calls": calls, "missed": chunk.missed, "start": chunk.is_start}
        return News(_event("calls", data, chunk.cursor), chunk.cursor)


class _Moment(Generic[T]):
    """Results by key, each found once and forgotten together after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: dict[str, T] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def of(self, key: str, find: Callable[[str], Awaitable[T]]) -> T:
        async with self._lock:
            clock = asyncio.get_running_loop().time
            if clock() >= self._until:
                self._found.clear()
            if key not in self._found:
                self._found[key] = await find(key)
                self._until = clock() + self._seconds  # from its end: who waited for it needs no second one
            return self._found[key]


def _essence(state: Shown) -> tuple[Any, ...]:
    """Returns what makes a new state worth sending: time alone does not."""
    running = tuple((each["number"], each["cancelling"]) for each in state["running"])
    counts = (state[name] for name in ("process", "in_flight", "calls", "errors", "refusals", "sessions", "sockets"))
    return (*counts, running)


def _event(name: str, data: Mapping[str, Any], cursor: str = "") -> bytes:
    # Escaped to ASCII: a name may have lone surrogates, which UTF-8 has not.
    text = json.dumps(data, separators=(",", ":"))
    return f"event: {name}\n{f'id: {cursor}' + chr(10) if cursor else ''}data: {text}\n\n".encode()
