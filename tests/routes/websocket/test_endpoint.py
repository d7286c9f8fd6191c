"""Where a WebSocket is opened, and to whom."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.conftest import MakeApp
from tests.limited import websocket_app
from tests.routes.raw import ask
from tests.routes.websocket.sockets import Seen, server
from tests.sockets import Refused, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
ADD = {"tool": "add", "arguments": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ("/one/mcp/ws", {}),
        ("/ws", {"server": "one"}),
        ("/ws", {"tool": "one_add"}),
        ("/ws", {}),
    ],
)
async def test_a_server_and_all_servers_have_one(make_app: MakeApp, path: str, frame: dict[str, str]) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, path) as socket:
        assert await socket.ask({"id": 1, **ADD, **frame}) == {"id": 1, "result": 3}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [({"server": "two"}, "unknown-server"), ({"server": 1}, "invalid-request"), ({"tool": "x"}, "unknown-tool")],
)
async def test_over_all_servers_what_is_not_there_is_said(
    make_app: MakeApp, frame: dict[str, object], kind: str
) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/ws") as socket:
        refused = await socket.ask({"id": 1, **ADD, **frame})
        assert (refused["id"], refused["error"]["type"]) == (1, f"urn:multi-mcp:error:{kind}")


@pytest.mark.parametrize("path", ["/", "/docs/x", "/two/mcp/ws", "/one/mcp", "/one/mcp/ws/", "/mcp", "/call", "/ws/"])
async def test_elsewhere_there_is_none(make_app: MakeApp, path: str) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        with pytest.raises(Refused) as refused:
            async with connected(app, path):
                pass
    assert (refused.value.status, refused.value.document["type"]) == (404, "urn:multi-mcp:error:not-found")
    assert refused.value.headers["x-request-id"] == refused.value.document["requestId"]


async def test_behind_a_prefix_it_is_behind_that_too(make_app: MakeApp) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/one/mcp/ws", prefix="/tools") as socket:
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_without_an_upgrade_it_is_404(make_app: MakeApp) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        assert [(await ask(app, "GET", path)).status for path in ("/ws", "/one/mcp/ws")] == [404, 404]


async def test_where_it_is_off_there_is_none(make_app: MakeApp) -> None:
    app = make_app(server(Seen()), websocket=False)
    async with opened(app):
        with pytest.raises(Refused) as refused:
            async with connected(app, "/ws"):
                pass
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ([(b"host", b"evil.example")], 421, "misdirected"),
        ([(b"origin", b"http://evil.example")], 403, "forbidden-origin"),
        ([(b"origin", b"null")], 403, "forbidden-origin"),
    ],
)
async def test_the_guard_stands_before_it(
    make_app: MakeApp, headers: list[tuple[bytes, bytes]], status: int, kind: str
) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        with pytest.raises(Refused) as refused:
            async with connected(app, "/ws", headers):
                pass
    assert (refused.value.status, refused.value.document["type"]) == (status, f"urn:multi-mcp:error:{kind}")


async def test_a_page_of_an_allowed_origin_is_let_in(make_app: MakeApp) -> None:
    app = make_app(server(Seen()), allowed_hosts=("pages.example",))
    async with opened(app), connected(app, "/ws", [(b"origin", b"https://pages.example")]) as socket:
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_more_connections_than_there_may_be_are_503() -> None:
    app = websocket_app(server(Seen()), connections=2)
    async with opened(app):
        async with AsyncExitStack() as stack:
            first, _ = [await stack.enter_async_context(connected(app, "/ws")) for _ in range(2)]
            with pytest.raises(Refused) as refused:
                await stack.enter_async_context(connected(app, "/one/mcp/ws"))
            assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")
            assert refused.value.document["type"] == "urn:multi-mcp:error:unavailable"
            assert await first.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}
        async with connected(app, "/ws") as socket:
            assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["multi-mcp"], "multi-mcp"),
        (["bearer.secret", "multi-mcp"], "multi-mcp"),
        (["bearer.secret"], None),
        (["graphql-ws"], None),
    ],
)
async def test_of_the_subprotocols_only_ours_is_chosen(
    make_app: MakeApp, offered: list[str], chosen: str | None
) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/ws", subprotocols=offered) as socket:
        assert socket.accepted["subprotocol"] == chosen
