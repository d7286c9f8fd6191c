"""Clients are told of versions: that a call meets a deprecated one, and that they get another since one was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.shared.subscriptions import ToolsListChanged
from starlette.applications import Starlette

from tests import wire
from tests.clients import connected, open_session
from tests.conftest import MakeApp
from tests.gateway.upstream.versions.serving import described, written
from tests.gateway.versions.searching import DEPRECATED, searching
from tests.gateway.versions.test_routing import failing
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ROUTES = {"local": "one:search=2:0,3:100", "elsewhere": "one:search=1:0,2:100"}
TEXT = (
    "Version 1.0.0 of tool 'search' is deprecated since 2020-01-01 and will be retired on 2999-06-01. Use version 2. "
    "It is slow."
)


@pytest.fixture(params=ROUTES)
def where(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(where: str, make_app: MakeApp, tmp_path: Path) -> Starlette:
    """Returns the application with two versions, of which the newer one fails and the older one is deprecated."""
    if where == "local":
        return make_app(failing(searching("1.0.0", "2.0.0", v1=DEPRECATED), 0), tool_routes=ROUTES[where])
    file = written(tmp_path, described("1.0.0", "2.0.0", v1=DEPRECATED, how={"2.0.0": "fails"}))
    return make_app(servers_file=file, tool_routes=ROUTES[where])


async def call(http: httpx2.AsyncClient, **fields: Any) -> str:
    answer = await http.post("/one/mcp/call", json={"tool": "search", **fields})
    return answer.headers.get("tool-version", "")


@pytest.mark.parametrize("server", ["one", ""])
async def test_clients_are_told_when_a_version_is_stopped(app: Starlette, where: str, server: str) -> None:
    heard = anyio.Event()

    async def hear(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            heard.set()

    old = "2" if where == "local" else "1"
    async with (
        opened(app) as http,
        connected(http, "legacy", server, message_handler=hear),
        connected(http, "modern", server) as client,
        client.listen(tools_list_changed=True) as events,
    ):
        before = await client.list_tools()
        for _ in range(20):
            await call(http, version=old)
        for _ in range(20):
            await call(http)
        with anyio.fail_after(20):
            assert await anext(events) == ToolsListChanged()
            await heard.wait()
        assert await call(http) == f"{old}.0.0"
        named, listed = ([tool.meta for tool in found.tools] for found in (before, await client.list_tools()))
        assert (named[0] or {})["dev.multi-mcp/version"] != f"{old}.0.0"
        assert (listed[0] or {})["dev.multi-mcp/version"] == f"{old}.0.0"


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_session_is_warned_once_of_a_deprecated_version(app: Starlette, url: str) -> None:
    async with opened(app) as http:
        for _ in range(2):  # each session
            session = await open_session(http, url)
            warned = []
            for number, pin in enumerate(("1", "1", "^1.0"), 2):
                name = "search" if url == "/one/mcp" else "one_search"
                meta = {"dev.multi-mcp/version": pin}
                body = wire.request("tools/call", number, name=name, arguments={}, _meta=meta)
                *told, last = wire.messages((await http.post(url, json=body, headers=session)).text)
                assert last["result"]["_meta"]["dev.multi-mcp/version"] == "1.0.0"
                warned += told
            [message] = [each for each in warned if each["method"] == "notifications/message"]
            assert message["params"] == {"level": "warning", "logger": "multi-mcp", "data": TEXT}


async def test_client_without_a_session_is_warned_if_it_asks_for_messages(app: Starlette) -> None:
    level = {"io.modelcontextprotocol/logLevel": "warning"}
    async with opened(app) as http:
        for wanted, count in ((level, 1), ({}, 0), ({"io.modelcontextprotocol/logLevel": "error"}, 0)):
            headers, body = wire.modern("tools/call", name="search", arguments={})
            body["params"]["_meta"] |= {"dev.multi-mcp/version": "1", **wanted}
            answer = await http.post("/one/mcp", json=body, headers=headers)
            assert answer.text.count("notifications/message") == count
            assert '"dev.multi-mcp/deprecated"' in answer.text


async def test_session_that_wants_errors_alone_is_not_warned(make_app: MakeApp, tmp_path: Path) -> None:
    how = {"1.0.0": "legacy", "2.0.0": "legacy"}
    file = written(tmp_path, described("1.0.0", "2.0.0", v1=DEPRECATED, how=how))
    async with opened(make_app(servers_file=file)) as http:
        session = await open_session(http, "/one/mcp")
        level = wire.request("logging/setLevel", 2, level="error")
        assert "result" in (await http.post("/one/mcp", json=level, headers=session)).text
        body = wire.request("tools/call", 3, name="search", arguments={}, _meta={"dev.multi-mcp/version": "1"})
        [answer] = wire.messages((await http.post("/one/mcp", json=body, headers=session)).text)
        assert answer["result"]["_meta"]["dev.multi-mcp/version"] == "1.0.0"
