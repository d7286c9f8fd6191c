"""`GET /console/data/events`: what is being called, as an event stream that goes on where it was cut."""

from __future__ import annotations

import anyio
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from gateway.caller import caller
from gateway.console.source import Source
from gateway.errors import GatewayError
from gateway.places import Places
from gateway.telemetry.refusals import Refused
from routes.console.access import require
from routes.console.looks import Looks
from routes.scope import PROOF, Proof

INTERVAL = 0.25
"""Seconds between two looks at what is new. A page draws no more often."""

MAX_SILENCE = 3.0
"""Seconds after which the state is sent also if it has not changed."""

PROOF_INTERVAL = 0.5
"""Seconds between two checks of the credential."""

MAX_STREAMS, MAX_STREAMS_EACH = 100, 20

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Events:
    """A stream reads from what the source keeps, and has no queue: a client that reads slowly misses calls, and is told
    how many. `Last-Event-ID` continues a stream.
    """

    def __init__(self, source: Source, refused: Refused, interval: float = INTERVAL) -> None:
        self._looks = Looks(source, interval)
        self._refused = refused
        self._interval = interval
        self._places = Places(MAX_STREAMS, MAX_STREAMS_EACH, "open streams of the console")
        self._open: set[anyio.CancelScope] = set()

    def end_streams(self) -> None:
        for each in self._open:
            each.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        proof = PROOF.pop(scope)
        who = caller.get()
        require("read", self._refused)
        self._places.take(who)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope["method"] == "GET":
                await self._until_it_ends(_cursor(scope), proof, receive, send)
            with anyio.move_on_after(1):
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._places.give_back(who)

    async def _until_it_ends(self, cursor: str, proof: Proof | None, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            own = tasks.cancel_scope
            self._open.add(own)
            try:
                tasks.start_soon(_until_left, receive, own)
                if proof is not None:
                    tasks.start_soon(_until_refused, proof, own)
                await self._send(cursor, send)
            finally:
                self._open.discard(own)

    async def _send(self, cursor: str, send: Send) -> None:
        before, silence = None, MAX_SILENCE
        while True:
            state = await self._looks.state()
            if state.essence != before or silence >= MAX_SILENCE:
                before, silence = state.essence, 0.0
                await _write(send, state.event)
            news = await self._looks.after(cursor)
            if news.event:
                await _write(send, news.event)
            cursor = news.cursor
            silence += self._interval
            await self._looks.until_next()


def _cursor(scope: Scope) -> str:
    headers, query = Headers(scope=scope), QueryParams(scope.get("query_string", b""))
    return headers.get("last-event-id") or query.get("after", "")


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_left(receive: Receive, stream: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.cancel()


async def _until_refused(proof: Proof, stream: anyio.CancelScope) -> None:
    """Ends a stream whose credential is no longer valid, or no longer has the scope."""
    while True:
        await anyio.sleep(PROOF_INTERVAL)
        try:
            who = await proof()
        except GatewayError:
            break
        if who.grants is not None and not who.grants.covers_own("console", "read"):
            break
    stream.cancel()
