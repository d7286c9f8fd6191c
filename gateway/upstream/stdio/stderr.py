"""The standard error of a child, in our log and in the reason of its end."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque

from gateway.upstream.stdio.lines import Lines

logger = logging.getLogger(__name__)
MAX_LINE = 4096
MAX_LINES_A_SECOND = 100
MAX_KEPT = 512
"""Characters of a line that is kept."""


_SHOWN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\t")}
"""Control characters, which could change what a terminal shows."""


def printable(line: bytes) -> str:
    return line.decode(errors="replace").rstrip().translate(_SHOWN)


class LastLines:
    """The last lines of each server, also those of its children that have ended. Those of too many servers go."""

    def __init__(self, each: int = 200, servers: int = 200) -> None:
        self._each = each
        self._servers = servers
        self._lines: OrderedDict[str, deque[str]] = OrderedDict()

    def of(self, server: str) -> deque[str]:
        lines = self._lines.setdefault(server, deque(maxlen=self._each))
        self._lines.move_to_end(server)
        if len(self._lines) > self._servers:
            self._lines.popitem(last=False)
        return lines


class Stderr:
    """Logs each line with the server's name, at most 100 a second, and adds it to the `kept` ones."""

    def __init__(self, server: str, kept: deque[str] | None = None) -> None:
        self._fields = {"fields": {"server": server}}
        self._lines = Lines(MAX_LINE, self._log, lambda head: self._log(head + b" ..."))
        self._kept = kept
        self._last = ""
        self._second = 0
        self._count = 0

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def end(self) -> None:
        self._lines.end()

    def last_line(self) -> str:
        """Returns the last line; empty if there is none."""
        return self._last

    def _log(self, line: bytes) -> None:
        text = printable(line)
        self._last = text
        if self._kept is not None:
            self._kept.append(text[:MAX_KEPT])
        second = int(time.monotonic())
        if second != self._second:
            if self._count > MAX_LINES_A_SECOND:
                left_out = self._count - MAX_LINES_A_SECOND
                logger.warning("%s lines of its standard error are left out", left_out, extra=self._fields)
            self._second, self._count = second, 0
        self._count += 1
        if self._count <= MAX_LINES_A_SECOND:
            logger.info("stderr: %s", text, extra=self._fields)
