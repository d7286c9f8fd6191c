"""Worker threads for the sync tools of one server. Each server has its own, so that a slow one cannot stall others."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread

from gateway.local.fair_limiter import FairLimiter
from gateway.places import part
from gateway.spans import TOOL_STEP, begin_step


class Threads:
    """Runs functions in worker threads, at most `limit` at once, and `share` of them for one caller; further ones wait.

    A cancelled call is abandoned: its thread runs on, and keeps its place until the function returns.
    """

    def __init__(self, limit: int, share: float = 1.0) -> None:
        self._places = FairLimiter(limit, part(limit, share))
        self._unbounded = CapacityLimiter(math.inf)

    async def run(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        """Calls `function(**arguments)` in a thread in which `anyio.from_thread` works."""
        begin_step("waits for a place among the threads")
        place = _Place(self._places)
        await self._places.acquire_on_behalf_of(place)
        begin_step("waits for a thread")
        try:
            return await to_thread.run_sync(
                partial(place.occupy, function, arguments), abandon_on_cancel=True, limiter=self._unbounded
            )
        finally:
            place.leave()


class _Place:
    """A place among the threads, free again when the caller is gone and the function, if it began, has returned."""

    def __init__(self, places: FairLimiter) -> None:
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._unclaimed = [True]
        self._returned = self._left = self._released = False

    def occupy(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Runs in the thread. Popping the one claim is atomic: either the function begins or the caller is gone."""
        if not self._claim():
            return None
        begin_step(TOOL_STEP)  # to_thread passes the context on
        try:
            return function(**arguments)
        except GeneratorExit as exc:  # a coroutine that awaits the thread could not tell it from its own close
            raise RuntimeError("the function raised GeneratorExit") from exc
        finally:
            self._returned = True
            if self._left:
                self._loop.call_soon_threadsafe(self._release)

    def leave(self) -> None:
        """Runs in the event loop. Each side sets its flag before it reads the other's, so that one of them releases."""
        self._left = True
        if self._claim() or self._returned:
            self._release()

    def _claim(self) -> bool:
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self._places.release_on_behalf_of(self)
