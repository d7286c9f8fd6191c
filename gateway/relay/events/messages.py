"""The messages of processes about changes, as JSON. One that is malformed or too large is dropped by its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

MAX_URI = 2048
"""Characters. A resource with a longer URI is told of in its own process alone."""

MAX_BYTES = 64 * 1024
"""Bytes of one message; the events of a moment may need several."""

_MAX_SERVER = 256
_METHODS = (
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
)


class Event(NamedTuple):
    """A change at a server: the method of its notification, and the URI of a resource, empty for that of a list."""

    server: str
    method: str
    uri: str

    @property
    def is_sendable(self) -> bool:
        return len(self.uri) <= MAX_URI and not any("\ud800" <= letter <= "\udfff" for letter in self.uri)


class Message(NamedTuple):
    """Events that `process` has heard. If its `missed` is True, there may have been any others."""

    process: str
    events: list[Event]
    missed: bool


def encoded(process: str, events: Iterable[Event], *, missed: bool) -> Iterator[bytes]:
    """Yields one message or more, each with at most `MAX_BYTES`. The events must be sendable."""
    listed: list[Event] = []
    size = 0
    for event in events:
        length = len(to_json(event)) + 1
        if listed and size + length > MAX_BYTES - 1024:
            yield _encoded(process, listed, missed=False)
            listed, size = [], 0
        listed.append(event)
        size += length
    yield _encoded(process, listed, missed=missed)


def decoded(data: bytes) -> Message | None:
    """Returns None if the message is malformed or too large."""
    if len(data) > MAX_BYTES:
        return None
    try:
        message = from_json(data)
        process, events, missed = message["from"], [Event(*event) for event in message["events"]], message["missed"]
    except (ValueError, TypeError, KeyError):
        return None
    if not (isinstance(process, str) and isinstance(missed, bool) and all(map(_is_event, events))):
        return None
    return Message(process, events, missed)


def _encoded(process: str, events: list[Event], *, missed: bool) -> bytes:
    return to_json({"from": process, "events": events, "missed": missed})


def _is_event(event: Event) -> bool:
    values: tuple[Any, ...] = event
    if not all(isinstance(value, str) for value in values) or len(event.server) > _MAX_SERVER:
        return False
    return event.method in _METHODS and event.is_sendable
