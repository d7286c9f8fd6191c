"""Asks many servers at once. One that fails, or is too slow, is left out, and said in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from mcp.shared.exceptions import MCPError

from gateway.server import Server

logger = logging.getLogger(__name__)
T = TypeVar("T")

Ask = Callable[[Server], Coroutine[Any, Any, tuple[T, str]]]
"""Returns a server's answer, and what is wrong with it: empty if nothing is."""


class Asks:
    """A server has `timeout` seconds for each request."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failing: WeakKeyDictionary[Server, set[str]] = WeakKeyDictionary()

    async def each(
        self, servers: Iterable[Server], what: str, ask: Ask[T], *, bounded: bool = True
    ) -> tuple[list[tuple[Server, T]], bool]:
        """Returns the answers in the order of `servers`, and True if each server answered well.

        `what` is the method, for the log. Cancelling this cancels every request. Without `bounded` there is no limit of
        time.
        """
        asked = [(server, self._begin(server, ask)) for server in servers]
        try:
            if asked:
                await asyncio.wait([task for _, task in asked], timeout=self._timeout if bounded else None)
        finally:
            for _, task in asked:  # one that ignores this is left behind: it is a call in flight until it ends
                task.cancel()
        answers: list[tuple[Server, T]] = []
        all_well = True
        for server, task in asked:
            trouble = self._trouble(task)
            if not trouble:
                answer, trouble = task.result()
                answers.append((server, answer))
            self._say(server, what, trouble)
            all_well = all_well and not trouble
        return answers, all_well

    def _begin(self, server: Server, ask: Ask[T]) -> asyncio.Task[tuple[T, str]]:
        task = asyncio.create_task(ask(server))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen, which asyncio would log otherwise

    def _trouble(self, task: asyncio.Task[Any]) -> str:
        if not task.done():
            return f"no answer within {self._timeout:g} seconds"
        if task.cancelled():
            return "it cancelled its own answer"
        exc = task.exception()
        if exc is None:
            return ""
        return exc.error.message if isinstance(exc, MCPError) else f"{type(exc).__name__}: {exc}"

    def _say(self, server: Server, what: str, trouble: str) -> None:
        """Logs the first of a row of failures."""
        failing = self._failing.setdefault(server, set())
        if trouble and what not in failing:
            failing.add(what)
            logger.warning("`/mcp` leaves out what server %r has for %s: %s", server.name, what, trouble)
        elif not trouble:
            failing.discard(what)
