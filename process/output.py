"""Standard error and standard output that never block: threads write them, so a pipe that nobody reads is harmless.

A full pipe would otherwise stop the event loop at the next line of the log, and with it every request and the shutdown.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import select
import sys
import threading
from collections import deque
from typing import Any, TextIO

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES = 1024 * 1024
MAX_WAITING_PIECES = 10_000
"""Bounds of what waits to be written. A piece is one record of the log, or many lines of calls."""

LAST_WRITES = 0.5
"""Seconds that the end of the process waits until everything is written."""


def never_block() -> None:
    """Replaces `sys.stderr` and `sys.stdout`, and lets the end of the process wait for their last lines."""
    sys.stderr, sys.stdout = _queued(sys.stderr, "log"), _queued(sys.stdout, "standard output")
    atexit.register(drain)


def drain() -> None:
    """Waits until everything is written, but at most `LAST_WRITES` seconds."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(queued := getattr(stream, "buffer", None), QueuedOutput):
            queued.drain(LAST_WRITES)


def _queued(stream: TextIO | None, name: str) -> TextIO:
    """Returns a stream that queues what is written to `stream`, or `stream` itself if that is not an open file."""
    if stream is None:  # it was closed when the process started; this takes its number, which no socket must get
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(getattr(stream, "buffer", None), QueuedOutput):
        return stream
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not a file, or closed
        return stream
    queued = QueuedOutput(number, name)
    return io.TextIOWrapper(queued, stream.encoding, "backslashreplace", line_buffering=True, write_through=True)  # type: ignore[type-var]


class QueuedOutput(io.RawIOBase):
    """Hands what is written to a thread, which writes it to the file descriptor `number` in the same order.

    While the queue is full, and until it is empty again, lines are dropped. Then a line of the log says how many.
    A file that takes nothing at all (a closed pipe, a full disk) loses its lines without a word.
    """

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._name = name
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._dropped: int | None = None
        self._is_stuck = False
        self._changed = threading.Condition()  # reentrant: a signal handler may log while its own thread is in here
        self._process = os.getpid()
        threading.Thread(target=self._run, name=f"{name} writer", daemon=True).start()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: Any, /) -> int:
        """Queues or drops all of `data` at once."""
        piece = bytes(data)
        if os.getpid() != self._process:  # forked, for example by a tool: the thread stayed in the parent
            _write(self._number, piece)
            return len(piece)
        with self._changed:
            is_full = self._size + len(piece) > MAX_WAITING_BYTES or len(self._pieces) >= MAX_WAITING_PIECES
            if self._dropped is None and not (is_full and self._pieces):
                self._keep(piece)
            else:
                self._drop(piece)
            self._changed.notify_all()
        return len(piece)

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def _drop(self, piece: bytes) -> None:
        if self._dropped is None and not self._pieces[-1].endswith(b"\n"):
            self._keep(b"\n")  # `print` writes the end of a line by itself
        self._dropped = (self._dropped or 0) + piece.count(b"\n")

    def drain(self, seconds: float) -> None:
        """Waits until the queue is empty, at most `seconds`. Returns at once if that was too short a time before."""
        if self._is_stuck or os.getpid() != self._process:
            return
        with self._changed:
            self._is_stuck = not self._changed.wait_for(lambda: not self._size and self._dropped is None, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces or self._dropped is not None)
                piece = self._pieces.popleft() if self._pieces else None
                dropped, self._dropped = (None, self._dropped) if piece else (self._dropped, None)
            if piece is None:
                logger.error("%s: %d lines dropped", self._name, dropped)
                continue
            _write(self._number, piece)
            with self._changed:
                self._size -= len(piece)
                self._changed.notify_all()


def _write(number: int, data: bytes) -> None:
    """Writes whole lines up to the size that a pipe takes in one piece, so that those of several workers do not mix."""
    start = 0
    while start < len(data):
        end = start + select.PIPE_BUF
        if end < len(data):
            end = data.rfind(b"\n", start, end) + 1 or end
        try:
            start += os.write(number, data[start:end])
        except BlockingIOError:  # another program has set the shared file to non-blocking
            select.select([], [number], [])
        except OSError:
            return
