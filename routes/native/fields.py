"""Reads the header fields of a native request as HTTP means them, where the SDK compares their bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
EVENTS = b"text/event-stream"
USUAL = frozenset({b"%b, %b" % (JSON, EVENTS), b"%b, %b" % (EVENTS, JSON), b"%b,%b" % (JSON, EVENTS), b"*/*", EVENTS})
"""Values of `Accept` that the SDK reads rightly."""

_ZERO_QUALITY = re.compile(rb".*;\s*q\s*=\s*0(\.0*)?\s*(;.*)?", re.DOTALL)


def normalised(headers: Headers, accept: bytes | None) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Returns the fields in the spelling that the SDK reads, and True if the client accepts JSON but no events.

    `accept` is the joined value of all fields `Accept`; without any, everything is accepted (RFC 9110, 12.5.1). White
    space around a value is not part of it (5.5); httptools keeps that at the end.
    """
    accepted = _accepted(accept or b"*/*")
    found = [(name, _value(name, value.strip(b" \t"))) for name, value in headers if name != b"accept"]
    return [*found, (b"accept", b", ".join(accepted))], accepted == [JSON]


def _value(name: bytes, value: bytes) -> bytes:
    if name != b"content-type":
        return value
    kind, separator, parameters = value.partition(b";")
    return kind.strip().lower() + separator + parameters


def _accepted(accept: bytes) -> list[bytes]:
    """Returns which of JSON and events are accepted. Of the ranges that match a type, the most specific one counts."""
    ranges = {
        each.partition(b";")[0].strip(): _ZERO_QUALITY.fullmatch(each) is None
        for each in accept.lower().split(b",")
        if each.strip()
    } or {b"*/*": True}
    return [kind for kind in (JSON, EVENTS) if _allows(ranges, kind)]


def _allows(ranges: dict[bytes, bool], kind: bytes) -> bool:
    matching = (kind, kind.partition(b"/")[0] + b"/*", b"*/*")
    return next((ranges[each] for each in matching if each in ranges), False)
