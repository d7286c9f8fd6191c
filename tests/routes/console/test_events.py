"""The event stream of the console, and one call of it."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from gateway.console.source import MAX_SENT
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix.target import Target
from tests.matrix.ways import VIA, WAYS
from tests.routes.console.console import EVENTS, Feed, one, stream
from tests.routes.raw import HOST
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def add(a: int, b: int) -> int:
    return a + b


def body(**arguments: Any) -> dict[str, Any]:
    return {"tool": "add", "arguments": arguments}


async def calls(http: httpx2.AsyncClient, count: int) -> None:
    """Makes calls, and waits until the console knows the last one."""
    answers = [await http.post("/one/mcp/call", json=body(a=number, b=1)) for number in range(count)]
    await one(http, answers[-1].headers["x-request-id"])


async def unkept(http: httpx2.AsyncClient, count: int) -> None:
    for _ in range(count):
        await http.post("/one/mcp/call", json=body(a=1, b=1))


@pytest.mark.parametrize("way", sorted(WAYS))
async def test_every_way_in_is_shown(make_app: MakeApp, way: str) -> None:
    app = make_app(server_of(add), console=True, graphql=GRAPHQL)
    async with opened(app) as http:
        assert (await WAYS[way](Target(app, http), "add", {"a": 1, "b": 2}, {})).value == 3
        async with stream(http) as feed:
            found = (await feed.until("calls", lambda each: each["calls"]))["calls"]
    shown = [(call["server"], call["tool"], call["via"], call["outcome"]) for call in found]
    assert ("one", "add", VIA[way], "ok") in shown


async def test_stream_goes_on_where_it_was_cut(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 3)
        async with stream(http) as feed:
            first = await feed.until("calls", lambda each: len(each["calls"]) == 3)
            cursor = feed.cursor
        assert first["start"]
        await calls(http, 2)
        async with stream(http, {"last-event-id": cursor}) as feed:
            data = await feed.until("calls", lambda each: each["calls"])
            assert (data["start"], data["missed"]) == (False, 0)
            assert [call["number"] for call in data["calls"]] == [4, 5]


@pytest.mark.parametrize("cursor", ["other-3", "nonsense", "-", "\x7f", "1" * 5000])
async def test_unknown_cursor_begins_anew(make_app: MakeApp, cursor: str) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 2)
        async with stream(http, {"last-event-id": cursor}) as feed:
            assert (await feed.until("calls", lambda each: len(each["calls"]) == 2))["start"]


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1"])
async def test_cursor_with_a_number_that_is_none_begins_anew(make_app: MakeApp, number: str) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 2)
        async with stream(http) as feed:
            process = (await feed.next("state"))["processes"][0]["process"]
        async with http.stream("GET", f"{EVENTS}?after={process}-{number}") as answer:
            assert (await Feed(answer).until("calls", lambda each: len(each["calls"]) == 2))["start"]


async def test_reader_that_comes_late_is_told_how_many_it_missed(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 1)
        async with stream(http) as feed:
            await feed.until("calls", lambda each: each["calls"])
            cursor = feed.cursor
        await calls(http, MAX_SENT + 7)
        async with stream(http, {"last-event-id": cursor}) as feed:
            data = await feed.until("calls", lambda each: each["calls"])
            assert (len(data["calls"]), data["missed"]) == (MAX_SENT, 7)


class Unread:
    """A client that opens a stream and reads nothing."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self.sent = 0
        self._left, self._blocked = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def leave(self) -> None:
        self._left.set()
        await self.task

    async def _run(self) -> None:
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"},
            **{"path": EVENTS, "raw_path": EVENTS.encode(), "query_string": b"", "root_path": "", "headers": [HOST]},
            **{"server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1), "state": {}},
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Any:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent += 1
        if self.sent > 2:
            await self._blocked.wait()


async def test_readers_that_read_nothing_cost_no_memory(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True, log_level="warning")
    async with opened(app) as http:
        readers = [Unread(app) for _ in range(10)]
        await unkept(http, 100)
        tracemalloc.start()
        try:
            await unkept(http, 100)
            before = tracemalloc.get_traced_memory()[0]
            await unkept(http, 300)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert [reader.sent for reader in readers] == [3] * 10
        await asyncio.gather(*(reader.leave() for reader in readers))
        assert grown < 300 * 2000, grown  # each call is kept once, and not for each reader


async def test_streams_are_bounded_and_end_with_the_process(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app) as http:
        readers = [Unread(app) for _ in range(100)]
        async with asyncio.timeout(5):
            while any(reader.sent == 0 for reader in readers):
                await asyncio.sleep(0.01)
        assert (await http.get(EVENTS)).status_code == 503
        await asyncio.gather(*(reader.leave() for reader in readers))
        async with stream(http) as feed:
            await feed.next()
