"""The calls of all workers of one parent, without Redis.

Each worker keeps its own calls. The one that serves a page asks the others for what is new, so that nothing is sent
while nobody looks, and what a slow page misses is counted by the worker that had to forget it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.console.feed import Feed
from gateway.console.source import CURSOR, MAX_SENT, Chunk, Figures, OwnProcess, Shown, ended
from gateway.console.worker_sockets import Answers, WorkerSockets

MISSING = "{} of {} workers answer: nothing of the others is shown."


class Workers:
    """Satisfies `Source`. A cursor has a part for each worker: its name, and a number of its sequence.

    `count` is the number of workers that there should be.
    """

    reach = "workers"

    def __init__(self, folder: Path, feed: Feed, count: int) -> None:
        self._process = feed.process
        self._own = OwnProcess(feed)
        self._count = count
        self._seen = count
        self._answers: Answers = {
            "watch": lambda _: self._watch(),
            "after": self._own.after,
            "states": lambda _: self._own.states(),
            "of_request": self._own.of_request,
            "figures": lambda _: self._own.figures(),
            "refusals": lambda _: self._own.refusals(),
            "connections": lambda _: self._own.connections(),
            "cancel": lambda number: self._own.cancel(self._process, number),
        }
        self._sockets = WorkerSockets(folder, self._process, self._answers)
        self.opened = self._sockets.opened

    @property
    def trouble(self) -> str:
        return "" if self._seen >= self._count else MISSING.format(self._seen, self._count)

    async def watch(self) -> None:
        await self._all("watch")

    async def after(self, cursor: str) -> Chunk:
        parts = dict(CURSOR.findall(cursor))
        names = [self._process, *self._sockets.others()]
        is_start = not any(name in parts for name in names)
        # A worker that is new to a page is read from its first call.
        at = {name: "" if is_start else f"{name}-{parts.get(name, 0)}" for name in names}
        own, others = await self._own.after(at.pop(self._process)), await self._ask("after", at)
        chunks = {self._process: own} | {name: Chunk(*each) for name, each in others.items()}
        calls = sorted((call for chunk in chunks.values() for call in chunk.calls), key=ended)
        missed = sum(chunk.missed for chunk in chunks.values()) + max(0, len(calls) - MAX_SENT)
        unanswered = {} if is_start else {name: each for name, each in at.items() if name not in chunks}
        after = [*(chunk.cursor for chunk in chunks.values()), *unanswered.values()]
        return Chunk(calls[-MAX_SENT:], ".".join(after), 0 if is_start else missed, is_start)

    async def states(self) -> Sequence[Shown]:
        return await self._all("states")

    async def of_request(self, request_id: str) -> Sequence[Shown]:
        return await self._all("of_request", request_id)

    async def figures(self) -> Sequence[Figures]:
        return await self._all("figures")

    async def refusals(self) -> Sequence[Shown]:
        return await self._all("refusals")

    async def connections(self) -> Sequence[Shown]:
        return await self._all("connections")

    async def cancel(self, process: str, number: int) -> bool:
        if process == self._process:
            return await self._own.cancel(process, number)
        if process not in self._sockets.others():
            return False
        answers = await self._sockets.ask("cancel", {process: number})
        return bool(answers.get(process))

    async def _watch(self) -> Sequence[Shown]:
        await self._own.watch()
        return []

    async def _all(self, question: str, argument: Any = None) -> list[Any]:
        """Returns the items of all workers, the own ones first."""
        own = await self._answers[question](argument)
        others = await self._ask(question, dict.fromkeys(self._sockets.others(), argument))
        return [*own, *(each for answer in others.values() for each in answer)]

    async def _ask(self, question: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answers = await self._sockets.ask(question, arguments)
        self._seen = 1 + len(answers)
        return answers
