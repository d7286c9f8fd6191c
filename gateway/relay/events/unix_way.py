"""The way of change events to the other workers of one parent: datagrams in a folder that only its user can open."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.relay.events.messages import MAX_BYTES, encoded

logger = logging.getLogger(__name__)
RETRY = 0.5
"""Seconds after which a worker that takes no messages now is tried again."""

MAX_READ = 100
"""Messages that are read in one turn of the loop."""

_SUFFIX = ".events"


class UnixEvents:
    """Listens on `folder/{process}.events`. A worker that is behind is told that it may have missed anything."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder = folder
        self._path = folder / f"{process}{_SUFFIX}"
        self._missed = b"".join(encoded(process, (), missed=True))
        self._behind: set[Path] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None

    @asynccontextmanager
    async def opened(self, received: Callable[[bytes], None], missed: Callable[[], None]) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
            try:
                opened.setblocking(False)
                opened.bind(str(self._path))
            except OSError as exc:  # the folder was deleted, or the path of temporary files is too long for a socket
                logger.warning("changes at servers are not told to other workers: %s", exc.strerror or exc)
                yield
                return
            self._socket = opened
            loop.add_reader(opened, _read, opened, received)
            try:
                yield
            finally:
                self._socket = None
                loop.remove_reader(opened)
                if self._retry is not None:
                    self._retry.cancel()
                with suppress(OSError):
                    os.unlink(self._path)

    async def send(self, data: bytes) -> None:
        """Sends to each worker that takes it now; to the others, later, that they have missed something."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path != self._path and (path in self._behind or not self._is_sent(path, data)):
                self._behind.add(path)
        self._retry_later()

    def _is_sent(self, path: Path, data: bytes) -> bool:
        """Returns False if the worker takes no messages now. One that has ended takes all."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(data, str(path))
        except ConnectionRefusedError:  # the file is that of a worker which was killed
            with suppress(OSError):
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError:  # its queue is full
            return False
        return True

    def _retry_later(self) -> None:
        if self._behind and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY, self._send_again)

    def _send_again(self) -> None:
        self._retry = None
        self._behind = {path for path in self._behind if not self._is_sent(path, self._missed)}
        self._retry_later()


def _read(opened: socket.socket, received: Callable[[bytes], None]) -> None:
    for _ in range(MAX_READ):
        try:
            data = opened.recv(MAX_BYTES + 1)
        except OSError:  # there is no further one
            return
        received(data)
