"""The way to the other workers of one parent: each listens on a Unix socket in a folder that only its user can open."""

from __future__ import annotations

import asyncio
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from pydantic_core import from_json, to_json

from gateway.call import Continuation, Report, ToolResult
from gateway.errors import Gone
from gateway.relay.calls import ENDED, Calls
from gateway.relay.frames import framed, listening, read_frame
from gateway.relay.messages import Message, continuation_of, of_continuation, result_of
from gateway.relay.ways import Unreached

REQUEST_TIMEOUT = 5.0
"""Seconds in which another worker must have sent its request."""


class UnixWay:
    """Listens on `folder/{process}`. A message has at most `max_bytes`. The end of the request cancels its tool."""

    def __init__(self, folder: Path, calls: Calls, max_bytes: int) -> None:
        self._folder = folder
        self._calls = calls
        self._max_bytes = max_bytes

    def opened(self) -> AbstractAsyncContextManager[None]:
        loss = "other workers cannot continue calls that wait in this one"
        return listening(self._folder / self._calls.process, self._serve, loss)

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        path = self._folder / continuation.process
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except ConnectionRefusedError as exc:  # the file is that of a worker which was killed
            with suppress(OSError):
                os.unlink(path)
            raise Unreached from exc
        except OSError as exc:
            raise Unreached from exc
        try:
            await _write(writer, of_continuation(continuation))
            return await self._outcome(reader, report, progressed)
        except (OSError, EOFError) as exc:
            raise Gone(ENDED) from exc
        except BaseException:  # the end of a request, for any reason, ends its call
            await _cancel(reader, writer)
            raise
        finally:
            writer.close()

    async def _outcome(self, reader: StreamReader, report: Report | None, progressed: Callable[[], None]) -> ToolResult:
        while True:
            message = await self._read(reader)
            if "progressed" in message:
                progressed()
            elif "report" not in message:
                return result_of(message)
            elif report is not None:
                await report(message["report"], message["fields"])

    async def _read(self, reader: StreamReader) -> Message:
        """Raises EOFError if there is no whole message, or one that is too long."""
        message: Message = from_json(await read_frame(reader, self._max_bytes))
        return message

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            continuation = continuation_of(await self._read(reader))
        await self._answer(continuation, reader, writer)

    async def _answer(self, continuation: Continuation, reader: StreamReader, writer: StreamWriter) -> None:
        """Answers the other worker, or cancels the tool when it wants no answer any more."""

        async def send(message: Message) -> None:
            with suppress(OSError):  # the other worker is gone, and the tool will be cancelled
                await _write(writer, message)

        def note(message: Message) -> None:
            writer.write(_framed(message))

        answer = asyncio.create_task(self._calls.answer(continuation, send, note))
        end = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((answer, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            if not answer.done():
                answer.cancel()
            await asyncio.wait((answer,))  # it counts as in flight until its tool has ended
        if not answer.cancelled():
            answer.result()


async def _cancel(reader: StreamReader, writer: StreamWriter) -> None:
    """Ends the request, and waits until the other worker's tool has ended."""
    with suppress(OSError):
        writer.write_eof()
        while await reader.read(65536):
            pass


async def _write(writer: StreamWriter, message: Message) -> None:
    writer.write(_framed(message))
    await writer.drain()


def _framed(message: Message) -> bytes:
    return framed(to_json(message, inf_nan_mode="null", fallback=str))
