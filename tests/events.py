"""Parses event streams over plain HTTP as a browser's EventSource does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

STREAM = {"accept": "text/event-stream"}


@dataclass(frozen=True)
class Event:
    """One event. A comment has an empty `name` and its text as `data`."""

    name: str
    data: Any


async def events(answer: httpx2.Response) -> AsyncIterator[Event]:
    """Yields each event when it is complete."""
    name, data = "", list[str]()
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "":
            if value:
                yield Event("", value)
            elif data:
                yield Event(name, json.loads("\n".join(data)))
                name, data = "", []
        elif field == "event":
            name = value
        else:
            assert field == "data", line
            data.append(value)


async def all_events(answer: httpx2.Response) -> list[Event]:
    return [event async for event in events(answer)]
