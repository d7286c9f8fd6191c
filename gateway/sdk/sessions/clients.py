"""The sessions and streams that native clients hold open, for people who look at them. Nothing of it runs unasked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.caller import Caller, caller
from gateway.naming import cut
from gateway.sdk.request_body import field_of, message_of, reread

SESSION = b"mcp-session-id"
SHOWN_OF_ID = 8
"""Characters of a session's id that are shown: the whole one lets others use the session."""

_LISTEN = "subscriptions/listen"
_META = "io.modelcontextprotocol/"


@dataclass(slots=True, eq=False)
class Held:
    """A session, or a stream of a client without one. Times are in seconds since 1970."""

    kind: str
    id: str
    caller: Caller
    client: str
    protocol: str
    opened: float
    used: float
    in_flight: int = 0
    streams: int = 0

    def shown(self, server: str) -> dict[str, Any]:
        return {
            **{"kind": self.kind, "server": server, "id": self.id[:SHOWN_OF_ID], "caller": self.caller.name},
            **{"client": self.client, "protocol": self.protocol, "opened": self.opened, "used": self.used},
            **{"in_flight": self.in_flight, "streams": self.streams},
        }


class Clients:
    """Those at all endpoints, for as long as their endpoints are there."""

    def __init__(self) -> None:
        self._endpoints: WeakSet[Watched] = WeakSet()

    def around(self, server: str, app: ASGIApp, is_open: Callable[[str], bool]) -> ASGIApp:
        """Returns `app`, so that it notes what clients hold open. `is_open` returns True for the id of a session."""
        watched = Watched(server, app, is_open)
        self._endpoints.add(watched)
        return watched

    def shown(self) -> list[dict[str, Any]]:
        return [held.shown(each.server) for each in self._endpoints for held in each.held()]


class Watched:
    """Stands around one native endpoint. Each body is one message here."""

    def __init__(self, server: str, app: ASGIApp, is_open: Callable[[str], bool]) -> None:
        self.server = server
        self._app = app
        self._is_open = is_open
        self._sessions: dict[str, Held] = {}
        self._streams: dict[object, Held] = {}

    def held(self) -> Iterator[Held]:
        self._forget()
        yield from self._sessions.values()
        yield from self._streams.values()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = self._sessions.get(field_of(scope, SESSION) or "")
        if held is not None:
            await self._use(held, scope, receive, send)
        elif scope["method"] == "POST":
            await self._open(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _use(self, held: Held, scope: Scope, receive: Receive, send: Send) -> None:
        posts = int(scope["method"] == "POST")
        held.in_flight += posts
        held.streams += 1 - posts
        held.used = time.time()
        try:
            await self._app(scope, receive, send)
        finally:
            held.in_flight -= posts
            held.streams -= 1 - posts
            held.used = time.time()

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Notes the session that a request opens, or the stream that is its answer."""
        body, receive = await reread(receive)
        if (message := message_of(body, "initialize")) is not None:
            params = _object(message.get("params"))
            held = _new("session", params.get("clientInfo"), params.get("protocolVersion"))
            await self._app(scope, receive, self._noting(held, send))
        elif (message := message_of(body, _LISTEN)) is not None:
            meta = _object(_object(message.get("params")).get("_meta"))
            stream, info = object(), meta.get(f"{_META}clientInfo")
            self._streams[stream] = _new("stream", info, meta.get(f"{_META}protocolVersion"), streams=1)
            try:
                await self._app(scope, receive, send)
            finally:
                del self._streams[stream]
        else:
            await self._app(scope, receive, send)

    def _noting(self, held: Held, send: Send) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = (value.decode("latin-1") for name, value in message["headers"] if name.lower() == SESSION)
                if (held_id := next(named, "")) and self._is_open(held_id):
                    self._forget()
                    held.id = held_id
                    self._sessions[held_id] = held
            await send(message)

        return noting

    def _forget(self) -> None:
        for gone in [each for each in self._sessions if not self._is_open(each)]:
            del self._sessions[gone]


def _new(kind: str, info: Any, protocol: Any, streams: int = 0) -> Held:
    info, now = _object(info), time.time()
    client = " ".join(str(info[name]) for name in ("name", "version") if isinstance(info.get(name), str))
    shown = cut(protocol) if isinstance(protocol, str) else ""
    return Held(kind, "", caller.get(), cut(client), shown, now, now, streams=streams)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
