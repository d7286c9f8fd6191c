"""Who asks on a WebSocket: known before, or by a token in the first frame; asked again before each call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult, chain
from gateway.caller import Caller, caller
from gateway.errors import Unauthenticated, Unavailable
from gateway.server import ToolInfo
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from routes.router import ExactRouter
from routes.scope import PROOF
from routes.websocket.connection import SocketLimits
from routes.websocket.endpoint import WebSockets
from tests.routes.websocket.sockets import slug
from tests.sockets import Socket, connected

pytestmark = pytest.mark.anyio
WHO = {"tool": "who"}
LONG = 20_000


class Nothing:
    """May be granted to a stranger."""

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        return False

    def covers_all_of(self, server: str) -> bool:
        return False

    def missing(self, server: str, tool: str, asked: str) -> str:
        return f"{server}:{asked}"


class Keys:
    """An Authenticator. `good` are the tokens, with whose they are."""

    def __init__(self) -> None:
        self.good = {"key-of-ada": "ada", "key-of-bob": "bob", "k" * LONG: "long"}
        self.is_away = False

    async def authenticate(self, credential: str) -> Caller:
        if self.is_away:
            raise Unavailable("The issuer cannot be asked.")
        if credential not in self.good:
            raise Unauthenticated
        return Caller(self.good[credential], caller.get().address, Nothing())


class One:
    """A Server that says who asks."""

    name = "one"

    async def call(self, call: ToolCall) -> ToolResult:
        who = caller.get()
        return ToolResult(b'{"result":"%b at %b"}' % (str(who.name).encode(), who.address.encode()))


class Door:
    """The application behind a middleware that knows who opens a connection, as far as it says so."""

    def __init__(self, **limits: Any) -> None:
        self.keys = Keys()
        self.refused: list[str] = []
        bounds = {"connections": 9, "in_flight": 9, "frame": 100_000, "idle": 60, "authentication": 60} | limits
        registry = Registry([One()])  # type: ignore[list-item]
        sockets = WebSockets(SocketLimits(**bounds), self.refused.append)
        self._app = ExactRouter(sockets.routes(registry, Names(registry, chain([])), self.keys, caller.set))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for key, value in scope["headers"]:
            if key == b"x-api-key":
                proof = partial(self.keys.authenticate, value.decode())
                PROOF.set(scope, proof)
                caller.set(Caller(address="::1"))
                caller.set(await proof())
                break
        else:
            caller.set(replace(Caller(grants=Nothing()), address="::1"))
        await self._app(scope, receive, send)


@asynccontextmanager
async def talking(door: Door, key: str = "") -> AsyncIterator[Socket]:
    headers = [(b"x-api-key", key.encode())] if key else []
    async with connected(door, "/one/mcp/ws", headers) as socket:
        yield socket


async def test_who_said_it_in_the_handshake_calls_at_once() -> None:
    async with talking(Door(), "key-of-ada") as socket:
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}


async def test_a_token_in_the_first_frame_says_it_too() -> None:
    async with talking(Door()) as socket:
        assert await socket.ask({"id": 0, "token": "key-of-ada"}) == {"id": 0, "result": {"caller": "ada"}}
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
        assert await socket.ask({"id": 2, "token": "key-of-bob"}) == {"id": 2, "result": {"caller": "bob"}}
        assert await socket.ask({"id": 3, **WHO}) == {"id": 3, "result": "bob at ::1"}


@pytest.mark.parametrize("frame", [{"id": 1, **WHO}, {"id": 1, "cancel": True}, {"id": 1}])
async def test_before_that_any_other_frame_is_refused_and_the_connection_lives_on(frame: dict[str, Any]) -> None:
    async with talking(Door()) as socket:
        refused = await socket.ask(frame)
        assert (refused["id"], slug(refused), refused["error"]["status"]) == (1, "unauthenticated", 401)
        assert slug(await socket.ask("nonsense")) == "invalid-request"
        assert await socket.ask({"id": 2, "token": "key-of-ada"}) == {"id": 2, "result": {"caller": "ada"}}


async def test_a_wrong_token_is_refused_and_the_connection_closed() -> None:
    door = Door()
    async with talking(door) as socket:
        socket.send({"id": 0, "token": "a guess"})
        socket.send({"id": 1, "token": "key-of-ada"})  # too late: of many guesses only the first is looked at
        refused = await socket.receive()
        assert (refused["id"], slug(refused)) == (0, "unauthenticated")
        assert "a guess" not in str(refused)
        assert await socket.close_code() == 1008
    assert door.refused == ["unauthenticated"]


@pytest.mark.parametrize("token", [None, 1, ["key-of-ada"], {}])
async def test_a_token_that_is_no_text_is_no_guess(token: object) -> None:
    door = Door()
    async with talking(door) as socket:
        assert slug(await socket.ask({"id": 0, "token": token})) == "invalid-request"
        assert "result" in await socket.ask({"id": 0, "token": "key-of-ada"})
    assert door.refused == []


async def test_who_does_not_say_it_in_time_is_gone() -> None:
    door = Door(authentication=0.02)
    async with talking(door, "key-of-ada") as known, talking(door) as stranger:
        stranger.send("nonsense")
        assert slug(await stranger.receive()) == "invalid-request"
        assert await stranger.close_code() == 1008
        assert stranger.closed == (1008, "No token within 0.02 seconds.")
        assert await known.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
    assert door.refused == ["unauthenticated"]


async def test_the_frames_of_a_stranger_are_small() -> None:
    async with talking(Door()) as socket:
        assert socket.limit == 4 * 16 * 1024
        assert slug(await socket.ask({"id": 0, "token": "k" * LONG})) == "too-large"
        assert "result" in await socket.ask({"id": 0, "token": "key-of-ada"})
        assert socket.limit == 400_000
        assert await socket.ask({"id": 0, "token": "k" * LONG}) == {"id": 0, "result": {"caller": "long"}}


@pytest.mark.parametrize("key", ["key-of-ada", ""])
async def test_what_is_no_longer_good_ends_an_open_connection(key: str) -> None:
    door = Door()
    async with talking(door, key) as socket:
        if not key:
            await socket.ask({"id": 0, "token": "key-of-ada"})
        assert await socket.ask({"id": 1, **WHO}) == {"id": 1, "result": "ada at ::1"}
        del door.keys.good["key-of-ada"]
        refused = await socket.ask({"id": 2, **WHO})
        assert (refused["id"], slug(refused)) == (2, "unauthenticated")
        assert await socket.close_code() == 1008
    assert door.refused == ["unauthenticated"]


async def test_while_nobody_can_tell_nothing_is_called_and_the_connection_lives_on() -> None:
    door = Door()
    async with talking(door, "key-of-ada") as known, talking(door) as stranger:
        door.keys.is_away = True
        assert slug(await known.ask({"id": 1, **WHO})) == "unavailable"
        assert slug(await stranger.ask({"id": 1, "token": "key-of-ada"})) == "unavailable"
        door.keys.is_away = False
        assert await known.ask({"id": 2, **WHO}) == {"id": 2, "result": "ada at ::1"}
        assert slug(await stranger.ask({"id": 2, **WHO})) == "unauthenticated"
        assert "result" in await stranger.ask({"id": 3, "token": "key-of-ada"})
    assert door.refused == []
