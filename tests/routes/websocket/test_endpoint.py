"""URLs at which a WebSocket is accepted, and handshakes that are refused."""

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
async def test_websocket_serves_one_server_or_all_servers(make_app: MakeApp, path: str, frame: dict[str, str]) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, path) as socket:
        assert await socket.ask({"id": 1, **ADD, **frame}) == {"id": 1, "result": 3}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [({"server": "two"}, "unknown-server"), ({"server": 1}, "invalid-request"), ({"tool": "x"}, "unknown-tool")],
)
async def test_unknown_server_or_tool_is_named_over_all_servers(
    make_app: MakeApp, frame: dict[str, object], kind: str
) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/ws") as socket:
        refused = await socket.ask({"id": 1, **ADD, **frame})
        assert (refused["id"], refused["error"]["type"]) == (1, f"urn:multi-mcp:error:{kind}")


@pytest.mark.parametrize("path", ["/", "/docs/x", "/two/mcp/ws", "/one/mcp", "/one/mcp/ws/", "/mcp", "/call", "/ws/"])
async def test_websocket_at_another_path_is_404(make_app: MakeApp, path: str) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        with pytest.raises(Refused) as refused:
            async with connected(app, path):
                pass
    assert (refused.value.status, refused.value.document["type"]) == (404, "urn:multi-mcp:error:not-found")
    assert refused.value.headers["x-request-id"] == refused.value.document["requestId"]


async def test_websocket_is_served_behind_a_prefix(make_app: MakeApp) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/one/mcp/ws", prefix="/tools") as socket:
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_request_without_an_upgrade_is_404(make_app: MakeApp) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        assert [(await ask(app, "GET", path)).status for path in ("/ws", "/one/mcp/ws")] == [404, 404]


async def test_disabled_websocket_is_404(make_app: MakeApp) -> None:
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
async def test_host_and_origin_are_checked_before_the_handshake(
    make_app: MakeApp, headers: list[tuple[bytes, bytes]], status: int, kind: str
) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        with pytest.raises(Refused) as refused:
            async with connected(app, "/ws", headers):
                pass
    assert (refused.value.status, refused.value.document["type"]) == (status, f"urn:multi-mcp:error:{kind}")


async def test_page_of_an_allowed_origin_can_connect(make_app: MakeApp) -> None:
    app = make_app(server(Seen()), allowed_hosts=("pages.example",))
    async with opened(app), connected(app, "/ws", [(b"origin", b"https://pages.example")]) as socket:
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_connections_above_the_limit_are_503() -> None:
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
async def test_only_our_own_subprotocol_is_chosen(make_app: MakeApp, offered: list[str], chosen: str | None) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/ws", subprotocols=offered) as socket:
        assert socket.accepted["subprotocol"] == chosen
