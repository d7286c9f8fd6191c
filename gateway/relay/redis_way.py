"""The way to the processes that share a Redis. Needs `redis`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from gateway.call import Continuation, Report, ToolResult
from gateway.errors import Gone, Unavailable
from gateway.redis import RedisClient, RedisUnavailable
from gateway.relay.calls import ENDED, Calls
from gateway.relay.inbox import Inbox
from gateway.relay.messages import Message, continuation_of, of_continuation, result_of
from gateway.relay.redis_channel import RedisChannel
from gateway.relay.ways import Unreached

TRIES, PAUSE = 4, 0.2
"""How often, and after how many seconds, a message is sent again to a process that does not listen now."""

CHECK_INTERVAL = 0.5
"""Seconds between two checks that the other process of a call still listens. Two in a row must fail."""

MAX_SILENCE = 5.0
"""Seconds in which the other process must accept a request: a host that was lost still seems to listen."""


class RedisWay:
    """Continues the calls of other processes, and lets them continue those of this one."""

    def __init__(self, redis: RedisClient, calls: Calls) -> None:
        self._channel = RedisChannel(redis, calls.process, self._received)
        self._calls = calls
        self._inboxes: dict[str, Inbox] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._notes: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with self._channel.opened():
            try:
                yield
            finally:
                for task in (*self._running.values(), *self._notes):
                    task.cancel()

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        number = secrets.token_hex(16)
        inbox = self._inboxes[number] = Inbox()
        process = continuation.process
        try:
            if not await self._sent(process, {"call": number, "continue": of_continuation(continuation)}):
                raise Unreached
            while True:
                message = await self._next(process, inbox)
                if "progressed" in message:
                    progressed()
                elif "report" in message and report is not None:
                    await report(message["report"], message["fields"])
                elif "error" in message or "result" in message:
                    return result_of(message)
        except RedisUnavailable as exc:
            raise Unavailable("The call waits in another process, and Redis is unavailable.") from exc
        finally:
            del self._inboxes[number]
            if not inbox.is_over:  # the end of a request, for any reason, ends its call
                self._note(process, {"call": number, "cancel": True})

    async def _next(self, process: str, inbox: Inbox) -> Message:
        """Returns the next message about a call.

        Raises:
            Gone: the other process does not listen any more.
            RedisUnavailable: this cannot be told.
        """
        silence, failures = 0.0, 0
        while (message := await inbox.next(CHECK_INTERVAL)) is None:
            silence += CHECK_INTERVAL
            try:
                failures = 0 if await self._channel.is_heard_by(process) else failures + 1
            except RedisUnavailable:
                failures += 1
                if failures > 1:
                    raise
            if failures > 1 or (not inbox.is_alive and silence >= MAX_SILENCE):
                raise Gone(ENDED)
        return message

    async def _sent(self, process: str, message: Message) -> bool:
        """Returns False if the process does not listen, also not after it has had time to subscribe again."""
        for _ in range(TRIES):
            if await self._channel.send(process, message):
                return True
            await asyncio.sleep(PAUSE)
        return False

    def _note(self, process: str, message: Message) -> None:
        """Sends a message that may be lost."""

        async def send() -> None:
            with suppress(RedisUnavailable):
                await self._channel.send(process, message)

        task = asyncio.create_task(send())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    def _received(self, sender: str, message: Message) -> None:
        number = message.pop("call")
        if "continue" in message:
            task = asyncio.create_task(self._serve(sender, number, continuation_of(message["continue"])))
            self._running[number] = task
            task.add_done_callback(lambda _: self._running.pop(number, None))
        elif "cancel" in message:
            if number in self._running:
                self._running[number].cancel()
        elif number in self._inboxes:
            self._inboxes[number].put(message)

    async def _serve(self, sender: str, number: str, continuation: Continuation) -> None:
        """Continues a call of this process for another one, and cancels it when that does not listen any more."""
        self._note(sender, {"call": number, "accepted": True})

        async def send(message: Message) -> None:
            with suppress(RedisUnavailable):
                if "report" in message:
                    await self._channel.send(sender, {"call": number, **message})
                else:
                    await self._sent(sender, {"call": number, **message})

        def note(message: Message) -> None:
            self._note(sender, {"call": number, **message})

        answer = asyncio.create_task(self._calls.answer(continuation, send, note))
        watch = asyncio.create_task(self._until_gone(sender))
        try:
            await asyncio.wait((answer, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            answer.cancel()
            await asyncio.wait((answer, watch))

    async def _until_gone(self, process: str) -> None:
        """Returns when the process has not listened twice in a row."""
        failures = 0
        while failures < 2:
            await asyncio.sleep(CHECK_INTERVAL)
            try:
                failures = 0 if await self._channel.is_heard_by(process) else failures + 1
            except RedisUnavailable:
                failures += 1
