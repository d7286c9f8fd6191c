"""The calls of this process, as other processes continue them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.call import CallNext, Continuation, ToolCall
from gateway.caller import Caller
from gateway.clock import Clock
from gateway.errors import GatewayError, Gone, ToolCrashed
from gateway.relay.messages import Message, of_error, of_result

logger = logging.getLogger(__name__)
Send = Callable[[Message], Awaitable[None]]
"""Sends a message to the process that continues the call, and returns when it may send the next one."""

ENDED = "The process in which this call ran has ended before its tool answered."
PROGRESS_INTERVAL = 0.05
"""Seconds between two notes that a tool has reported progress, for the clock of the other process."""


class Calls:
    """Runs the calls that wait in `process`, this one. `servers` come and go as they open and close."""

    def __init__(self, process: str) -> None:
        self.process = process
        self._servers: dict[str, CallNext] = {}

    @contextmanager
    def serving(self, server: str, resume: CallNext) -> Iterator[None]:
        self._servers[server] = resume
        try:
            yield
        finally:
            if self._servers.get(server) is resume:  # and not that of its successor
                del self._servers[server]

    async def answer(self, continuation: Continuation, send: Send, note: Callable[[Message], None]) -> None:
        """Continues the call and sends its reports and its outcome. Cancelled, it cancels the tool and sends nothing.

        `note` takes a message that may be lost.
        """
        await send(await self._outcome(continuation, send, note))

    async def _outcome(self, continuation: Continuation, send: Send, note: Callable[[Message], None]) -> Message:
        try:
            resume = self._servers.get(continuation.server)
            if resume is None or continuation.process != self.process:
                raise Gone
            return of_result(await resume(_call_of(continuation, send, note)))
        except GatewayError as exc:
            return of_error(exc)
        except Exception:  # a fault of our own: the other process must not wait for ever
            logger.exception("A call that another process continued failed")
            return of_error(ToolCrashed())


def _call_of(continuation: Continuation, send: Send, note: Callable[[Message], None]) -> ToolCall:
    async def report(name: str, fields: Mapping[str, Any]) -> None:
        await send({"report": name, "fields": fields})

    call = ToolCall(
        server=continuation.server,
        tool=continuation.tool,
        arguments={},
        via="call",
        caller=Caller(identity=continuation.owner),
        entry=None,
        requested=continuation.version or continuation.tool,
        request_id=continuation.request_id,
        report=report if continuation.wants_reports else None,
        state=continuation.state,
        answers=continuation.answers,
    )
    call.clock = _RemoteClock(note)
    return call


class _RemoteClock(Clock):
    """Tells the process whose clock runs of each progress, but not too often."""

    __slots__ = ("_next", "_note")

    def __init__(self, note: Callable[[Message], None]) -> None:
        self._note = note
        self._next = 0.0

    def progressed(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_INTERVAL
            self._note({"progressed": True})
