"""One child process, in a process group of its own that is always ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self, cast

from gateway.cancellation import to_its_end
from gateway.upstream.link import LinkFailure
from gateway.upstream.stdio.command import Command
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.stderr import Stderr

PATIENCE = 2.0
"""Seconds that a child has to end by itself, and then after SIGTERM."""

MAX_UNREAD = 1024 * 1024
"""Bytes that wait for the child to read, above which short messages are dropped."""

LAST_WORDS = 0.1
"""Seconds between the first sign of its end and the end: what it wrote before may still be on its way."""

_STDIN, _STDOUT = 0, 1


class Child(asyncio.SubprocessProtocol):
    """`received` is called with what it writes to its standard output, `over` with the reason when it has ended.

    `group` is its process group. `is_leaving` is True from the first sign of its end.
    """

    def __init__(self, stderr: Stderr, leash: Leash, received: Callable[[bytes], None], over: Callable[[str], None]):
        self._stderr = stderr
        self._leash = leash
        self._received = received
        self._over = over
        self.is_leaving = False
        self._is_over = False
        self._exited, self._lost = asyncio.Event(), asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.SubprocessTransport = cast("Any", None)
        self._stdin: asyncio.WriteTransport = cast("Any", None)
        self.group = 0

    @classmethod
    async def start(cls, command: Command, *how: Any) -> Self:
        """Starts the process. Raises LinkFailure if the system refuses to."""
        starting = asyncio.ensure_future(
            asyncio.get_running_loop().subprocess_exec(
                lambda: cls(*how),
                *command.arguments,
                env=dict(command.environ),
                cwd=command.folder,
                start_new_session=True,
            )
        )
        try:
            _, child = await asyncio.shield(starting)
        except OSError as exc:
            raise LinkFailure(f"command: {exc.strerror}", was_sent=False) from exc
        except asyncio.CancelledError:  # the process may be there already, and nobody else knows it
            with suppress(OSError):
                await to_its_end(_ended(starting))
            raise
        return child

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._stdin = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_STDIN))
        self.group = self._transport.get_pid()
        self._leash.hold(self.group)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDOUT:
            self._received(data)
        else:
            self._stderr.feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self.is_leaving = True
        if fd == _STDOUT:  # most often because it ends: the exit code says more
            asyncio.get_running_loop().call_later(LAST_WORDS, self._end, "it closed its standard output")

    def process_exited(self) -> None:
        self.is_leaving = True
        self._exited.set()
        # Whatever it started and left behind: `npx` and shells end before the server that they run.
        self._signal(signal.SIGTERM)
        code = self._transport.get_returncode()
        how = f"with exit code {code}" if code is None or code >= 0 else f"by {_signal_name(-code)}"
        asyncio.get_running_loop().call_later(LAST_WORDS / 2, self._end, f"it ended {how}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def write(self, data: bytes) -> None:
        """Writes when the child has read what came before."""
        if not self._writable.is_set():
            await self._writable.wait()
        self._stdin.write(data)

    def write_soon(self, data: bytes) -> None:
        """Writes without waiting: for messages that are few and short. They are dropped if the child reads nothing."""
        if not self._is_over and self._stdin.get_write_buffer_size() < MAX_UNREAD:
            self._stdin.write(data)

    async def end(self, patience: float = PATIENCE) -> bool:
        """Closes its standard input, and ends its whole group if it does not end by itself in time.

        Returns True if it had to be killed.
        """
        self.is_leaving = True
        was_killed = False
        self._stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if await self._has_exited(patience):
                break
            self._signal(number)
        else:
            was_killed = True
            await self._has_exited(PATIENCE)
        if self._signal(signal.SIGTERM):  # the leader has ended, and others of the group have not
            await asyncio.sleep(0.1)
            self._signal(signal.SIGKILL)
        self._leash.release(self.group)
        self._writable.set()
        self._transport.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), PATIENCE)
        return was_killed

    async def _has_exited(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._exited.wait(), seconds)
        return self._exited.is_set()

    def _end(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._stderr.end()
            last = self._stderr.last_line()
            self._writable.set()
            self._over(f"{reason}; its last line: {last}" if last else reason)

    def _signal(self, number: int) -> bool:
        """Returns False if no process of the group is left."""
        try:
            os.killpg(self.group, number)
        except OSError:
            return False
        return True


async def _ended(starting: Awaitable[tuple[Any, Child]]) -> None:
    """Ends a process that may only be starting."""
    _, child = await starting
    await child.end(patience=0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
