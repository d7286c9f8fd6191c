"""Reading on in a stream that was cut, which a server allows by giving its events ids."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.upstream.http.answers import Told, answer_of
from gateway.upstream.http.client import Client
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import ConnectionLost
from gateway.upstream.link import LinkFailure

ACCEPT = b"Accept: text/event-stream\r\n"
MAX_ATTEMPTS = 5
"""Attempts in a row that bring no event."""

PAUSE = 1.0
MAX_PAUSE = 30.0


async def resumed(client: Client, lines: bytes, number: int, told: Told, events: Events) -> dict[str, Any]:
    """Returns the result of the request with the id `number`, whose stream has brought `events` so far.

    Raises:
        LinkFailure: it cannot be read on. The request was sent, and nobody knows how it ended.
        Refusal
    """
    attempts = 0
    while True:
        last_id = events.last_id
        await asyncio.sleep(min(events.retry if events.retry is not None else PAUSE, MAX_PAUSE))
        events.begin()
        try:
            async with client.get(b"%b%bLast-Event-ID: %b\r\n" % (ACCEPT, lines, last_id.encode())) as connection:
                if not connection.is_stream:
                    raise LinkFailure("its answer was cut, and cannot be read on", was_sent=True)
                return await answer_of(connection, number, told, events)
        except LinkFailure as exc:
            may_come_back = isinstance(exc, ConnectionLost) or not exc.was_sent
            attempts = attempts + 1 if events.last_id == last_id else 0
            if not may_come_back or attempts >= MAX_ATTEMPTS:
                raise LinkFailure(str(exc), was_sent=True) from exc
