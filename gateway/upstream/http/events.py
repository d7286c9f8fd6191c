"""Server-sent events out of a stream of bytes, in time that grows with the bytes, and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gateway.upstream.link import LinkFailure

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    type: bytes
    data: bytes


class Events:
    """`last_id` and `retry`, in seconds, are what the stream has said so far for the one who reads on elsewhere."""

    def __init__(self, limit: int) -> None:
        self.last_id = ""
        self.retry: float | None = None
        self._limit = limit
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

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields the events that `chunk` completes.

        Raises:
            LinkFailure: an event is longer than the limit.
        """
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        for part in chunk.splitlines(keepends=True):
            self._size += len(part)
            if self._size > self._limit:
                raise LinkFailure(f"an event of its answer is longer than {self._limit} bytes", was_sent=True)
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

    def _dispatch(self) -> Iterator[Event]:
        data, kind = b"\n".join(self._data), self._type
        self.last_id = self._id
        self._data.clear()
        self._type = b""
        self._size = 0
        if data:
            yield Event(kind or b"message", data)
