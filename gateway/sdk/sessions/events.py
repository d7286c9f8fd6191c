"""Stored events of MCP sessions, for clients that lost their connection: bounded, and separate for each session."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse
from mcp_types.jsonrpc import ErrorData

_EVENTS_GONE = -32002


@dataclass(frozen=True, slots=True)
class EventLimits:
    """The stored events: number and bytes in one stream, streams in one session, bytes in one server.

    The newest event of a stream is stored whatever its size, and does not count in `stream_bytes`. An event that is
    larger than `total_bytes` is stored alone.
    """

    per_stream: int = 256
    stream_bytes: int = 1024 * 1024
    streams: int = 64
    total_bytes: int = 64 * 1024 * 1024


class Events:
    """The events of all sessions of one server. The session longest silent loses events first."""

    def __init__(self, limits: EventLimits) -> None:
        self.limits = limits
        self.total = 0
        self._stores: WeakKeyDictionary[SessionEvents, None] = WeakKeyDictionary()

    def new_store(self) -> SessionEvents:
        """Returns a store for one session. Its events are removed with the session."""
        return SessionEvents(self)

    def count(self, store: SessionEvents, size: int) -> None:
        self.total += size
        self._stores.pop(store, None)  # to the end of the order
        self._stores[store] = None
        while self.total > max(self.limits.total_bytes, size):
            silent = next(iter(self._stores))
            if not silent.forget_oldest():
                del self._stores[silent]


@dataclass(slots=True)
class _Stream:
    """Events of one request or of the GET stream, numbered from 1 to `last`. The first ones may have been removed."""

    name: StreamId
    number: int
    events: deque[tuple[int, JSONRPCMessage | None, int]] = field(default_factory=deque)
    last: int = 0
    size: int = 0
    complete: bool = False

    def append(self, message: JSONRPCMessage | None, size: int) -> None:
        self.last += 1
        self.size += size
        self.events.append((self.last, message, size))

    def has_after(self, number: int) -> bool:
        """Returns True if no event after this one was removed."""
        return number >= self.last - len(self.events)


class SessionEvents(EventStore):
    """The SDK's event store, for one session. An event id is `{number of the stream}-{number of the event}`."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._streams: OrderedDict[StreamId, _Stream] = OrderedDict()
        self._opened = 0

    def __del__(self) -> None:
        self._events.total -= sum(stream.size for stream in self._streams.values())

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        limits = self._events.limits
        stream = self._stream(stream_id)
        size = len(message.model_dump_json(by_alias=True, exclude_unset=True)) if message is not None else 0
        stream.append(message, size)
        stream.complete = isinstance(message, JSONRPCResponse | JSONRPCError)
        while len(stream.events) > limits.per_stream or stream.size - size > limits.stream_bytes:
            self._drop(stream)
        while len(self._streams) > limits.streams:
            self._drop_all(self._streams.popitem(last=False)[1])
        self._events.count(self, size)
        return f"{stream.number}-{stream.last}"

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        stream, last_seen = self._find(last_event_id)
        if stream is None or not stream.has_after(last_seen):
            await send_callback(EventMessage(_gone(stream)))
            return None
        while later := [event for event in stream.events if event[0] > last_seen]:  # more come while these are sent
            for last_seen, message, _ in later:
                if message is not None:
                    await send_callback(EventMessage(message, f"{stream.number}-{last_seen}"))
        return None if stream.complete else stream.name

    def stream_of(self, event_id: EventId) -> StreamId | None:
        """Returns the name of the stream to which an event belongs; None if it is unknown."""
        stream, _ = self._find(event_id)
        return stream.name if stream is not None else None

    def forget_oldest(self) -> bool:
        """Removes one event of the stream that is longest silent. Returns False if no stream has events.

        The newest event of a stream is removed only when no stream has another one.
        """
        streams = [stream for stream in self._streams.values() if stream.events]
        stream = next((stream for stream in streams if len(stream.events) > 1), streams[0] if streams else None)
        if stream is not None:
            self._drop(stream)
        return stream is not None

    def _stream(self, name: StreamId) -> _Stream:
        """Returns the stream of this name; a new one if the last one of this name is complete."""
        stream = self._streams.get(name)
        if stream is None or stream.complete:
            if stream is not None:
                self._drop_all(stream)
            self._opened += 1
            stream = self._streams[name] = _Stream(name, self._opened)
        self._streams.move_to_end(name)
        return stream

    def _find(self, event_id: EventId) -> tuple[_Stream | None, int]:
        number, _, event = event_id.partition("-")
        if not (event.isascii() and event.isdigit() and len(event) < 16):
            return None, 0
        found = (stream for stream in self._streams.values() if str(stream.number) == number)
        return next(found, None), int(event)

    def _drop(self, stream: _Stream) -> None:
        size = stream.events.popleft()[2]
        stream.size -= size
        self._events.total -= size

    def _drop_all(self, stream: _Stream) -> None:
        while stream.events:
            self._drop(stream)


def _gone(stream: _Stream | None) -> JSONRPCError:
    """Answers the request of the stream with an error, so that its client does not wait for ever."""
    name = stream.name if stream is not None else None
    request_id = int(name) if name is not None and name.isdecimal() else name
    return JSONRPCError(
        jsonrpc="2.0",
        id=request_id,
        error=ErrorData(code=_EVENTS_GONE, message="The events after this one are no longer stored"),
    )
