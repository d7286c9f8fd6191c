"""Lines out of a stream of bytes, in time that grows with the bytes, and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from gateway.upstream.calls.damaged import mended

HEAD = 512
"""Bytes of a line that is too long that are handed over."""


def message_in(line: bytes, *, is_first: bool) -> dict[str, Any] | None:
    """Returns the JSON object of a line; None if it has none.

    Before the first one of a child may stand what it has printed without a line break.
    """
    try:
        message = from_json(line)
    except ValueError:
        message = mended(line[max(line.find(b'{"'), 0) if is_first else 0 :])
    return message if isinstance(message, dict) else None


class Lines:
    """Calls `line` with each line that is not blank, and `too_long` with the beginning of one above `max_bytes`.

    Of a line that is too long nothing is kept; what follows it is read as always.
    """

    __slots__ = ("_line", "_max_bytes", "_parts", "_size", "_skips", "_too_long")

    def __init__(self, max_bytes: int, line: Callable[[bytes], None], too_long: Callable[[bytes], None]) -> None:
        self._max_bytes = max_bytes
        self._line = line
        self._too_long = too_long
        self._parts: list[bytes] = []
        self._size = 0
        self._skips = False

    def feed(self, data: bytes) -> None:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._hold(data[start:end])
            start = end + 1
            self._finish()
        if start < len(data):
            self._hold(data[start:] if start else data)

    def end(self) -> None:
        """Takes what came after the last line break as a line."""
        self._finish()

    def _hold(self, part: bytes) -> None:
        if self._skips:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._max_bytes:
            head = b"".join(part[:HEAD] for part in self._parts[:HEAD])[:HEAD]
            self._parts.clear()
            self._skips = True
            self._too_long(head)

    def _finish(self) -> None:
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if self._skips:
            self._skips = False
        elif line and not line.isspace():
            self._line(line)
