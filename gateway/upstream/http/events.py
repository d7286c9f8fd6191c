"""Server-sent events out of a stream of bytes, in time that grows with the bytes, and in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gateway.upstream.link import LinkFailure

KEPT = 1024
"""Bytes of the beginning and of the end of an event that is skipped."""

_BOM = b"\xef\xbb\xbf"
_WHOLE = re.compile(rb"(?:event: message\r?\n)?data: ([^ \r\n][^\r\n]*)\r?\n\r?\n")
"""One event as nearly all servers write their answers."""

TooLong = Callable[[bytes, bytes, LinkFailure], None]
"""Takes the beginning and the end of an event, and the reason for which it is skipped."""


class Event(NamedTuple):
    type: bytes
    data: bytes


class Events:
    """`last_id` and `retry`, in seconds, are what the stream has said so far for the one who reads on elsewhere.

    Events that are longer than the limit are skipped if `too_long` takes what is kept of them.
    """

    def __init__(self, limit: int, too_long: TooLong | None = None) -> None:
        self.last_id = ""
        self.retry: float | None = None
        self._limit = limit
        self._too_long = too_long
        self.begin()

    def begin(self) -> None:
        """Forgets the event that was cut, for another stream that goes on from the last whole one."""
        self._size = 0
        self._line = bytearray()
        self._data: list[bytes] = []
        self._type = b""
        self._id = self.last_id
        self._is_first = True
        self._after_cr = False
        self._head = self._tail = b""

    def feed(self, chunk: bytes) -> Iterable[Event]:
        """Returns the events that `chunk` completes.

        Raises:
            LinkFailure: an event is longer than the limit, and is not skipped.
        """
        is_between = not (self._size or self._type or self._head or self._after_cr) and self._id == self.last_id
        if is_between and (whole := _WHOLE.fullmatch(chunk)) is not None and len(chunk) <= self._limit:
            self._is_first = False
            return (Event(b"message", whole[1]),)
        return self._parsed(chunk)

    def _parsed(self, chunk: bytes) -> Iterator[Event]:
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        for piece in chunk.splitlines(keepends=True):
            self._size += len(piece)
            part = self._skipped(piece) if self._size > self._limit or self._head else piece
            if not part.endswith((b"\n", b"\r")):
                self._line += part
                return
            line = part.rstrip(b"\r\n")
            if self._line:
                line = bytes(self._line + line)
                self._line.clear()
            if self._is_first:
                self._is_first = False
                line = line.removeprefix(_BOM)
            if line:
                self._field(line)
            else:
                yield from self._dispatch()

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        elif name == b"id":
            if value.isascii() and b"\0" not in value:
                self._id = value.decode("ascii")
        else:
            if name == b"retry" and value.isdigit() and len(value) < 10:
                self.retry = int(value) / 1000
            if not self._data:  # comments between events have no end
                self._size = 0

    def _skipped(self, part: bytes) -> bytes:
        """Keeps the beginning and the end of an event that is too long. Returns `part` as one of a comment."""
        if self._too_long is None:
            raise self._failure()
        text = part.rstrip(b"\r\n")
        if not self._head:
            self._head = b"\n".join([*self._data, bytes(self._line) + text])[:KEPT]
        self._tail = (self._tail + text)[-KEPT:]
        kept = b":" if self._line or text else b""
        self._data.clear()
        self._line.clear()
        return kept + part[len(text) :]

    def _failure(self) -> LinkFailure:
        return LinkFailure(f"an event of its answer is longer than {self._limit} bytes", was_sent=True)

    def _dispatch(self) -> Iterator[Event]:
        data, kind = b"\n".join(self._data), self._type
        self.last_id = self._id
        self._data.clear()
        self._type = b""
        self._size = 0
        if self._head and self._too_long is not None:
            head, tail, self._head, self._tail = self._head, self._tail, b"", b""
            self._too_long(head, tail, self._failure())
        if data:
            yield Event(kind or b"message", data)
