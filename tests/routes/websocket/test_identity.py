"""Authentication of a WebSocket: by the handshake or by a token, and again before each call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult
from gateway.caller import Caller, caller
from gateway.errors import Unauthenticated, Unavailable
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from routes.router import ServersRouter
from routes.scope import PROOF
from routes.websocket.connection import SocketLimits
from routes.websocket.endpoint import WebSockets
from tests.calls import Granted
from tests.routes.websocket.sockets import slug
from tests.sockets import Socket, connected

pytestmark = pytest.mark.anyio
WHO = {"tool": "who"}
LONG = 20_000


class Keys:
    """An Authenticator. `good` maps its tokens to their callers."""

    def __init__(self) -> None:
        self.good = {"key-of-ada": "ada", "key-of-bob": "bob", "k" * LONG: "long"}
        self.is_unavailable = False

    async def authenticate(self, credential: str) -> Caller:
        if self.is_unavailable:
            raise Unavailable("The issuer is unavailable.")
        if credential not in self.good:
            raise Unauthenticated
        return Caller(self.good[credential], caller.get().address, Granted())


class One:
    """A server whose tool returns the caller."""

    name = "one"

    def find(self, tool: str) -> None:
        return None

    async def call(self, call: ToolCall) -> ToolResult:
        who = caller.get()
        return ToolResult(b'{"result":"%b at %b"}' % (str(who.name).encode(), who.address.encode()))


class Guarded:
    """The WebSocket routes behind a middleware that authenticates a handshake with a key."""

    def __init__(self, **limits: Any) -> None:
        self.keys = Keys()
        self.refused: list[str] = []
        bounds = {"connections": 9, "in_flight": 9, "frame": 100_000, "idle": 60, "authentication": 60} | limits
        registry = Registry()
        registry.hold(One())  # type: ignore[arg-type]
        sockets = WebSockets(SocketLimits(**bounds), self.refused.append, registry)
        routes = sockets.routes(Names(registry), self.keys, caller.set)
        self._app = ServersRouter(registry, routes.of_server, routes.over_all)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for key, value in scope["headers"]:
            if key == b"x-api-key":
                proof = partial(self.keys.authenticate, value.decode())
                PROOF.set(scope, proof)
                caller.set(Caller(address="::1"))
                caller.set(await proof())
                break
        else:
            caller.set(replace(Caller(grants=Granted()), address="::1"))
        await self._app(scope, receive, send)


@asynccontextmanager
async def talking(app: Guarded, key: str = "") -> AsyncIterator[Socket]:
    headers = [(b"x-api-key", key.encode())] if key else []
    async with connected(app, "/one/mcp/ws", headers) as socket:
        yield socket


async def test_client_authenticated_by_its_handshake_can_call() -> None:
    async with talking(Guarded(), "key-of-ada") as socket:
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}


async def test_token_in_a_frame_authenticates_and_replaces_the_caller() -> None:
    async with talking(Guarded()) as socket:
        assert await socket.ask({"id": 0, "token": "key-of-ada"}) == {"id": 0, "result": {"caller": "ada"}}
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
        assert await socket.ask({"id": 2, "token": "key-of-bob"}) == {"id": 2, "result": {"caller": "bob"}}
        assert await socket.ask({"id": 3, **WHO}) == {"id": 3, "result": "bob at ::1"}


@pytest.mark.parametrize("frame", [{"id": 1, **WHO}, {"id": 1, "cancel": True}, {"id": 1}])
async def test_anonymous_call_is_refused_and_the_connection_stays_open(frame: dict[str, Any]) -> None:
    async with talking(Guarded()) as socket:
        refused = await socket.ask(frame)
        assert (refused["id"], slug(refused), refused["error"]["status"]) == (1, "unauthenticated", 401)
        assert slug(await socket.ask("nonsense")) == "invalid-request"
        assert await socket.ask({"id": 2, "token": "key-of-ada"}) == {"id": 2, "result": {"caller": "ada"}}


async def test_wrong_token_is_refused_and_closes_the_connection() -> None:
    app = Guarded()
    async with talking(app) as socket:
        socket.send({"id": 0, "token": "a guess"})
        socket.send({"id": 1, "token": "key-of-ada"})  # too late: a connection has one guess
        refused = await socket.receive()
        assert (refused["id"], slug(refused)) == (0, "unauthenticated")
        assert "a guess" not in str(refused)
        assert await socket.close_code() == 1008
    assert app.refused == ["unauthenticated"]


@pytest.mark.parametrize("token", [None, 1, ["key-of-ada"], {}])
async def test_token_of_another_type_is_an_invalid_request(token: object) -> None:
    app = Guarded()
    async with talking(app) as socket:
        assert slug(await socket.ask({"id": 0, "token": token})) == "invalid-request"
        assert "result" in await socket.ask({"id": 0, "token": "key-of-ada"})
    assert app.refused == []


async def test_client_that_does_not_authenticate_in_time_is_closed() -> None:
    app = Guarded(authentication=0.02)
    async with talking(app, "key-of-ada") as known, talking(app) as anonymous:
        anonymous.send("nonsense")
        assert slug(await anonymous.receive()) == "invalid-request"
        assert await anonymous.close_code() == 1008
        assert anonymous.closed == (1008, "No token within 0.02 seconds.")
        assert await known.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
    assert app.refused == ["unauthenticated"]


async def test_anonymous_frames_have_a_smaller_limit() -> None:
    async with talking(Guarded()) as socket:
        assert socket.limit == 4 * 16 * 1024
        assert slug(await socket.ask({"id": 0, "token": "k" * LONG})) == "too-large"
        assert "result" in await socket.ask({"id": 0, "token": "key-of-ada"})
        assert socket.limit == 400_000
        assert await socket.ask({"id": 0, "token": "k" * LONG}) == {"id": 0, "result": {"caller": "long"}}


@pytest.mark.parametrize("key", ["key-of-ada", ""])
async def test_revoked_credential_closes_an_open_connection(key: str) -> None:
    app = Guarded()
    async with talking(app, key) as socket:
        if not key:
            await socket.ask({"id": 0, "token": "key-of-ada"})
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
        del app.keys.good["key-of-ada"]
        refused = await socket.ask({"id": 2, **WHO})
        assert (refused["id"], slug(refused)) == (2, "unauthenticated")
        assert await socket.close_code() == 1008
    assert app.refused == ["unauthenticated"]


async def test_unavailable_issuer_refuses_calls_and_the_connection_stays_open() -> None:
    app = Guarded()
    async with talking(app, "key-of-ada") as known, talking(app) as anonymous:
        app.keys.is_unavailable = True
        assert slug(await known.ask({"id": 1, **WHO})) == "unavailable"
        assert slug(await anonymous.ask({"id": 1, "token": "key-of-ada"})) == "unavailable"
        app.keys.is_unavailable = False
        assert await known.ask({"id": 2, **WHO}) == {"id": 2, "result": "ada at ::1"}
        assert slug(await anonymous.ask({"id": 2, **WHO})) == "unauthenticated"
        assert "result" in await anonymous.ask({"id": 3, "token": "key-of-ada"})
    assert app.refused == []
