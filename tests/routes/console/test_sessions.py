"""Sessions, streams and WebSockets that clients hold open, as the console lists them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.console.feed import MAX_CONNECTIONS_SHOWN
from tests import sockets
from tests.clients import ERAS, Era, connected, open_session
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.console.console import keys, one, stream
from tests.routes.console.test_cancel import Waiting
from tests.transport import opened
from tests.wire import modern

pytestmark = pytest.mark.anyio


async def add(a: int, b: int) -> int:
    return a + b


async def held(http: httpx2.AsyncClient, headers: Mapping[str, str] = {}) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/console/data/sessions", headers=headers)).json()["open"]
    return found


@pytest.mark.slow
async def test_session_is_listed_with_its_client_and_caller_until_it_ends(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        who, reader = bearer(given["tools"]), bearer(given["reader"])
        session = await open_session(http, "/one/mcp", who)
        (found,) = await held(http, reader)
        about = ("kind", "server", "caller", "client", "protocol", "in_flight", "streams")
        expected = ("session", "one", "key:tools", "test 1", "2025-11-25", 0, 0)
        assert tuple(found[name] for name in about) == expected
        assert found["opened"] <= found["used"]
        assert session["mcp-session-id"].startswith(found["id"])
        assert len(found["id"]) == 8
        await http.delete("/one/mcp", headers={**session, **who})
        assert await held(http, reader) == []


@pytest.mark.slow
async def test_calls_in_flight_of_a_session_are_counted(make_app: MakeApp) -> None:
    tool = Waiting()
    async with opened(make_app(server_of(tool.wait), console=True)) as http, connected(http, "legacy") as client:
        call = asyncio.create_task(client.call_tool("wait", {}))
        async with stream(http) as feed:
            state = await feed.until("state", lambda state: state["processes"][0]["running"])
        assert state["processes"][0]["running"][0]["client"].startswith("mcp ")
        (found,) = await held(http)
        assert found["in_flight"] == 1
        call.cancel()


async def test_listen_stream_of_the_stateless_era_is_listed_while_it_is_open(make_app: MakeApp) -> None:
    headers, body = modern("subscriptions/listen", notifications={"toolsListChanged": True})
    async with opened(make_app(server_of(add), console=True)) as http:
        async with http.stream("POST", "/one/mcp", headers=headers, json=body) as answer:
            assert "acknowledged" in await anext(aiter(answer.aiter_text()))
            (found,) = await held(http)
            about = (found["kind"], found["client"], found["protocol"], found["streams"])
            assert about == ("stream", "test 1", "2026-07-28", 1)
        async with asyncio.timeout(20):
            while await held(http):
                await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_websocket_is_listed_with_its_caller_and_calls(make_app: MakeApp) -> None:
    tool = Waiting()
    app = make_app(server_of(tool.wait), console=True)
    async with opened(app) as http, sockets.connected(app, "/one/mcp/ws") as socket:
        socket.send({"id": 1, "tool": "wait"})
        async with stream(http) as feed:
            await feed.until("state", lambda state: state["processes"][0]["running"])
        (found,) = await held(http)
        assert (found["kind"], found["server"], found["caller"], found["in_flight"]) == ("websocket", "one", None, 1)
        socket.send({"id": 1, "cancel": True})
        await tool.ended.get()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.slow
async def test_call_of_a_native_client_has_its_name(make_app: MakeApp, era: Era, server: str) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        async with connected(http, era, server) as client:
            await client.call_tool("add" if server else "one_add", {"a": 1, "b": 2})
        async with stream(http) as feed:
            found = (await feed.until("calls", lambda each: each["calls"]))["calls"]
    assert found[-1]["client"].startswith("mcp ")


@pytest.mark.slow
async def test_call_says_if_it_was_answered_from_the_cache(make_app: MakeApp) -> None:
    server = server_of(name="one")
    server.add_tool(add, meta={"cache": {"ttl": 60}})
    async with opened(make_app(server, console=True)) as http:
        for request_id in ("first", "again"):
            body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
            await http.post("/one/mcp/call", json=body, headers={"x-request-id": request_id})
        assert "answered" not in await one(http, "first")
        assert (await one(http, "again"))["answered"] == "cache"


@pytest.mark.slow
async def test_call_says_if_it_was_answered_as_an_earlier_one_with_its_key(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        for request_id in ("first", "again"):
            headers = {"x-request-id": request_id, "idempotency-key": "k1"}
            body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
            await http.post("/one/mcp/call", json=body, headers=headers)
        assert "answered" not in await one(http, "first")
        assert (await one(http, "again"))["answered"] == "repeated"


@pytest.mark.slow
async def test_listed_sessions_are_bounded_and_their_number_is_exact(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        for _ in range(MAX_CONNECTIONS_SHOWN + 3):
            await open_session(http, "/one/mcp")
        assert len(await held(http)) == MAX_CONNECTIONS_SHOWN
        (process,) = (await http.get("/console/data/sessions")).json()["processes"]
        assert process["sessions"] == MAX_CONNECTIONS_SHOWN + 3
