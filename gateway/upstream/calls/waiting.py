"""A request that waits for its answer, and what comes for its client meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway.upstream.calls.questions import Questions, Reply
from gateway.upstream.link import LinkFailure, Origin, Params, Refusal, Report

MAX_REPORTS = 1000
"""Progress and log messages of one request that wait for their client. Further ones are dropped."""


class Waiting:
    """One request. `_reports` has its progress and log messages, and None when the answer is there."""

    __slots__ = ("_progressed", "_reports", "answer", "origin", "questions", "session")

    def __init__(self, report: Report | None, session: str, origin: Origin, reply: Reply) -> None:
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.session = session
        self.origin = origin
        self.questions = Questions(origin.ask, reply)
        self._progressed = report
        self._reports: asyncio.Queue[tuple[Report, Params] | None] | None = None
        if report is not None or origin.log is not None:
            reports = self._reports = asyncio.Queue(MAX_REPORTS + 1)
            self.answer.add_done_callback(lambda _: reports.put_nowait(None))

    def report(self, params: Params) -> None:
        """Keeps progress for the client."""
        self._keep(self._progressed, params)

    def log(self, params: Params) -> None:
        """Keeps a log message for the client."""
        self._keep(self.origin.log, params)

    async def tell(self) -> None:
        """Tells the client what is kept, until the answer is there."""
        while self._reports is not None and (kept := await self._reports.get()) is not None:
            told, params = kept
            await told(params)

    def _keep(self, told: Report | None, params: Params) -> None:
        if told is not None and self._reports is not None and self._reports.qsize() < MAX_REPORTS:
            self._reports.put_nowait((told, params))

    def settle(self, message: Mapping[str, Any]) -> None:
        """Takes the answer."""
        result, error = message.get("result"), message.get("error")
        if self.answer.done():
            return
        if isinstance(result, dict):
            self.answer.set_result(result)
        elif isinstance(error, dict) and isinstance(error.get("code"), int):
            self.answer.set_exception(Refusal(error["code"], str(error.get("message", "")), error.get("data")))
        else:
            self.fail("its answer is not JSON-RPC")

    def fail(self, reason: str) -> None:
        self.refuse(LinkFailure(reason, was_sent=True))

    def refuse(self, why: BaseException) -> None:
        """Takes the reason why there is no result."""
        if not self.answer.done():
            self.answer.set_exception(why)
            self.answer.exception()  # the caller may have left
