"""Questions of the workers of one parent to each other: each listens in a folder that only its user can open."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

from gateway.relay.frames import framed, listening, read_frame

SUFFIX = ".console"
TIMEOUT = 1.0
"""Seconds in which another worker must have asked, or answered."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of an answer. Arguments and results that are kept have 8 MiB before they are escaped."""

Answers = Mapping[str, Callable[[Any], Awaitable[Any]]]
"""What a worker answers to each question, from its argument. Both are JSON."""


class WorkerSockets:
    """Listens on `folder/{process}.console` and asks the workers that listen beside it. Nothing is sent unasked."""

    def __init__(self, folder: Path, process: str, answers: Answers) -> None:
        self._folder = folder
        self._own = folder / f"{process}{SUFFIX}"
        self._answers = answers

    def opened(self) -> AbstractAsyncContextManager[None]:
        return listening(self._own, self._serve, "the consoles of other workers do not see this worker")

    def others(self) -> list[str]:
        """Returns the names of the other workers that listen, in a fixed order."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}") if path != self._own)

    async def ask(self, question: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the workers in `arguments` at the same time. Returns the answers of those that answered in time."""
        asked = [self._ask(process, question, argument) for process, argument in arguments.items()]
        found: Sequence[Any] = await asyncio.gather(*asked)
        return {process: answer[0] for process, answer in zip(arguments, found, strict=True) if answer is not None}

    async def _ask(self, process: str, question: str, argument: Any) -> tuple[Any] | None:
        path = self._folder / f"{process}{SUFFIX}"
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(framed(json.dumps([question, argument]).encode()))
                    return (json.loads(await read_frame(reader, MAX_BYTES)),)
                finally:
                    writer.close()
        except ConnectionRefusedError:  # the file is that of a worker which was killed
            with suppress(OSError):
                os.unlink(path)
        except (OSError, EOFError):  # it ends or is busy; TimeoutError is an OSError
            pass
        return None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ValueError, KeyError, TypeError):  # it is asked what it does not know
            async with asyncio.timeout(TIMEOUT):
                question, argument = json.loads(await read_frame(reader, MAX_BYTES))
                # Escaped to ASCII: a name may have lone surrogates, which UTF-8 has not.
                writer.write(framed(json.dumps(await self._answers[question](argument)).encode()))
                await writer.drain()
