"""Places of WebSockets: a principal's share, and the few of clients that have not authenticated yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.scopes import Scopes
from gateway.caller import Caller
from gateway.errors import GatewayError
from gateway.places import Places
from routes.websocket.places import SocketPlaces
from tests.conftest import MakeApp, server_of
from tests.matrix.principals import GREEDY, GREEDY_KEY, MODEST, principals
from tests.routes.websocket.sockets import slug
from tests.routes.websocket.test_identity import Guarded
from tests.sockets import Refused, Socket, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
PATH = "/one/mcp/ws"


@asynccontextmanager
async def talking(app: Any, key: str = "") -> AsyncIterator[Socket]:
    headers = [(b"x-api-key", key.encode())] if key else []
    async with connected(app, PATH, headers) as socket:
        yield socket


async def refusal(app: Guarded, key: str = "") -> GatewayError:
    """Returns the reason for which a handshake is refused."""
    with pytest.raises(GatewayError) as caught:
        async with talking(app, key):
            pass
    return caught.value


async def test_principal_beyond_its_share_of_the_connections_is_refused_and_others_connect() -> None:
    app = Guarded(connections=8, share=0.25)
    async with AsyncExitStack() as sockets:
        for key in ("key-of-ada", "key-of-ada", "key-of-bob"):
            socket = await sockets.enter_async_context(talking(app, key))
            assert "result" in await socket.ask({"id": 1, "tool": "x"})
        refused = await refusal(app, "key-of-ada")
        assert (refused.slug, str(refused)) == (
            "share-exceeded",
            "Too many WebSocket connections: one caller may have 2 of 8.",
        )
        await sockets.enter_async_context(talking(app, "key-of-bob"))
        assert app.refused == ["share-exceeded"]
    for key in ("key-of-ada", "key-of-bob"):
        async with talking(app, key), talking(app, key):
            pass


async def test_all_connections_together_are_bounded() -> None:
    app = Guarded(connections=1)
    async with talking(app, "key-of-ada"):
        assert (await refusal(app, "key-of-bob")).slug == "unavailable"
        async with talking(app) as stranger:
            assert slug(await stranger.ask({"id": 1, "token": "key-of-bob"})) == "unavailable"


async def test_strangers_take_no_places_of_callers_and_few_at_one_address() -> None:
    app = Guarded(connections=1, strangers_of_address=2)
    async with talking(app), talking(app):
        assert (await refusal(app)).slug == "share-exceeded"
        async with talking(app, "key-of-ada") as socket:
            assert "result" in await socket.ask({"id": 1, "tool": "x"})
    async with talking(app), talking(app):
        pass


async def test_connection_that_waits_longest_for_its_token_gives_way_to_another() -> None:
    app = Guarded(strangers=2)
    async with talking(app) as first, talking(app) as second:
        assert "result" in await first.ask({"id": 1, "token": "key-of-ada"})
        async with talking(app) as third, talking(app) as fourth:
            assert await second.close_code() == 1013
            assert second.closed == (1013, "Too many connections wait for a token.")
            for socket in (third, fourth):
                assert "result" in await socket.ask({"id": 1, "token": "key-of-bob"})
        assert "result" in await first.ask({"id": 2, "tool": "x"})
    assert app.refused == ["unauthenticated"]


async def test_token_takes_a_place_of_its_principal_or_is_refused_until_there_is_one() -> None:
    app = Guarded(connections=4, share=0.25)
    async with talking(app) as stranger, talking(app, "key-of-bob") as bob:
        async with talking(app, "key-of-ada"):
            for token, socket in (("key-of-ada", stranger), ("key-of-ada", bob)):
                refused = await socket.ask({"id": 1, "token": token})
                assert (slug(refused), refused["error"]["retryAfter"]) == ("share-exceeded", 1)
        assert slug(await stranger.ask({"id": 2, "tool": "x"})) == "unauthenticated"
        assert await bob.ask({"id": 2, "tool": "x"}) == {"id": 2, "result": "bob at ::1"}
        assert "result" in await stranger.ask({"id": 3, "token": "key-of-ada"})
        assert (await refusal(app, "key-of-ada")).slug == "share-exceeded"
        assert slug(await stranger.ask({"id": 4, "token": "key-of-bob"})) == "share-exceeded"
        assert await stranger.ask({"id": 5, "tool": "x"}) == {"id": 5, "result": "ada at ::1"}
    async with talking(app, "key-of-ada"), talking(app, "key-of-bob"):
        pass


async def test_share_holds_over_keys_and_addresses_in_the_whole_application(make_app: MakeApp, tmp_path: Path) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    app = make_app(server_of(add), max_share=0.0001, **principals(tmp_path))
    greedy, modest = ([(b"authorization", who["authorization"].encode())] for who in (GREEDY, MODEST))
    async with opened(app), connected(app, "/ws", greedy):
        with pytest.raises(Refused) as caught:
            async with talking(app, GREEDY_KEY):
                pass
        assert (caught.value.status, caught.value.headers["retry-after"]) == (429, "1")
        assert caught.value.document["type"] == "urn:multi-mcp:error:share-exceeded"
        async with connected(app, "/ws", modest) as socket:
            assert await socket.ask({"id": 1, "tool": "add", "arguments": {"a": 1, "b": 2}}) == {"id": 1, "result": 3}


def test_place_is_given_back_once_and_moves_no_more() -> None:
    known, strangers = Places(2, 1, "sockets"), Places(2, 1, "strangers")
    places = SocketPlaces(known, strangers)
    stranger, ada = Caller(grants=Scopes(())), Caller("ada", grants=Scopes(()))
    place = places.take(stranger)
    place.move(ada)
    assert (known.taken, strangers.taken) == (1, 0)
    place.leave()
    place.leave()
    place.move(ada)
    assert (known.taken, strangers.taken, len(known), len(strangers)) == (0, 0, 0, 0)
