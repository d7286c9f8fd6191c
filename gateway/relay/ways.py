"""All ways to other processes as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from gateway.call import CallNext, Continuation, Report, ToolResult
from gateway.errors import Gone
from gateway.relay.calls import Calls


class Unreached(Exception):
    """Nothing was sent: this way does not lead to the process."""


class Way(Protocol):
    """One way to other processes."""

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        """Like that of `Relay`, but raises Unreached if the way does not lead to the process."""
        ...


class Ways:
    """Tries each way in turn. Satisfies `Relay`."""

    def __init__(self, calls: Calls, ways: Sequence[Way]) -> None:
        self._calls = calls
        self._ways = ways

    @property
    def process(self) -> str:
        return self._calls.process

    def serving(self, server: str, resume: CallNext) -> AbstractContextManager[None]:
        return self._calls.serving(server, resume)

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        for way in self._ways:
            try:
                return await way.resume(continuation, report, progressed)
            except Unreached:
                continue
        raise Gone
