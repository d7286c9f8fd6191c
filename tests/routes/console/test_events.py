"""The event stream of the console, and one call of it."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context
from starlette.applications import Starlette

from gateway.console.source import MAX_SENT
from tests.conftest import MakeApp, server_of
from tests.events import STREAM, all_events
from tests.keys import bearer
from tests.matrix.ways import VIA, WAYS, Target
from tests.routes.console.console import EVENTS, keys, stream
from tests.routes.raw import HOST
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def add(a: int, b: int) -> int:
    return a + b


async def keep(password: str, note: str, ctx: Context) -> dict[str, str]:
    await ctx.report_progress(1, 2, "half")
    return {"token": password, "note": note}


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
    app = make_app(server_of(add), console=True)
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
        self._blocked = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"},
            **{"path": EVENTS, "raw_path": EVENTS.encode(), "query_string": b"", "root_path": "", "headers": [HOST]},
            **{"server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1), "state": {}},
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Any:
        await asyncio.Event().wait()

    async def _send(self, message: Any) -> None:
        self.sent += 1
        if self.sent > 2:
            await self._blocked.wait()


async def test_readers_that_read_nothing_cost_no_memory(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True, log_level="warning")
    async with opened(app) as http:
        readers = [Unread(app) for _ in range(10)]
        await unkept(http, 2100)  # the ring is full
        tracemalloc.start()
        try:
            await unkept(http, 2100)
            before = tracemalloc.get_traced_memory()[0]
            await unkept(http, 2100)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert [reader.sent for reader in readers] == [3] * 10
        for reader in readers:
            reader.task.cancel()
        assert grown < 1_000_000, grown


async def test_streams_are_bounded_and_end_with_the_process(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app) as http:
        readers = [Unread(app) for _ in range(100)]
        async with asyncio.timeout(5):
            while any(reader.sent == 0 for reader in readers):
                await asyncio.sleep(0.01)
        assert (await http.get(EVENTS)).status_code == 503
        for reader in readers:
            reader.task.cancel()
        await asyncio.wait([reader.task for reader in readers])
        async with stream(http) as feed:
            await feed.next()


async def test_arguments_and_results_are_not_kept_unless_they_are_to_be_shown(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(keep), console=True)) as http:
        sent = {"tool": "keep", "arguments": {"password": "hunter2", "note": "visible"}}
        answer = await http.post("/one/mcp/call", json=sent)
        found = await one(http, answer.headers["x-request-id"])
    assert "hunter2" not in json.dumps(found)
    assert not {"arguments", "result"} & found.keys()


async def one(http: httpx2.AsyncClient, request_id: str, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while not (found := (await http.get(f"/console/data/calls/{request_id}", headers=headers)).json()["calls"]):
            await asyncio.sleep(0.02)
    call: dict[str, Any] = found[0]
    return call


async def test_arguments_need_their_scope_and_have_no_secrets(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    app = make_app(server_of(keep), console=True, console_arguments=True, **setting)
    async with opened(app) as http:
        sent = {"tool": "keep", "arguments": {"password": "hunter2", "note": "visible " + "x" * 9000}}
        answer = await http.post("/one/mcp/call", json=sent, headers={**STREAM, **bearer(given["admin"])})
        await all_events(answer)
        request_id = answer.headers["x-request-id"]
        read = await one(http, request_id, bearer(given["reader"]))
        seen = await one(http, request_id, bearer(given["all"]))
        assert "visible" not in json.dumps(read)
        assert [name for _, name, _ in read["marks"]] == ["progress"]
        assert "visible" in seen["arguments"]
        assert "visible" in seen["result"]
        assert seen["marks"][0][1:] == ["progress", "1.0 2.0 half"]
        assert "hunter2" not in json.dumps(seen)
        assert max(len(seen["arguments"]), len(seen["result"])) < 4200
        async with stream(http, bearer(given["all"])) as feed:
            assert "visible" not in json.dumps(await feed.until("calls", lambda each: each["calls"]))


async def test_figures_say_which_tool_is_slow_and_what_failed_last(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 4)
        failed = await http.post("/one/mcp/call", json=body(a="x", b=1), headers={"x-request-id": "failed"})
        assert failed.status_code == 422
        await http.post("/one/mcp/call", json={"tool": "none"})
        await one(http, "failed")
        (row,) = (await http.get("/console/data/tools")).json()["tools"]
        assert (row["calls"], row["errors"], row["last_error"][1:]) == (5, 1, ["invalid-arguments", "failed"])
        assert 0 < row["p50"] <= row["p95"] <= row["p99"]
        assert sum(row["spark"]) == 5
        problem = (await one(http, "failed"))["problem"]
        assert problem.startswith("The arguments do not match the tool's input schema. a: ")


async def test_refusals_say_why_and_from_where(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        await http.get("/tools")
        await http.post("/one/mcp/call", json=body(a=1, b=2), headers=bearer(given["cancel"]))
        await http.get("/tools", headers={"host": "foreign.example"})
        await asyncio.sleep(0.1)
        answer = await http.get("/console/data/refusals", headers=bearer(given["reader"]))
        found = [(each["reason"], each["address"], each["caller"]) for each in answer.json()["refusals"]]
    assert sorted(found, key=str) == [
        ("forbidden", "127.0.0.1", "key:cancel"),
        ("misdirected", "127.0.0.1", None),
        ("unauthenticated", "127.0.0.1", None),
    ]


async def test_settings_are_names_without_values(make_app: MakeApp) -> None:
    secret = "s" * 40
    async with opened(make_app(server_of(add), console=True, state_keys=(secret,), rate_limit="77/minute")) as http:
        answer = await http.get("/console/data/settings")
        rows = {row["name"]: row["set"] for row in answer.json()["settings"]}
        assert (rows["MCP_STATE_KEYS"], rows["MCP_RATE_LIMIT"], rows["MCP_PUBLIC_URL"]) == (True, True, False)
        assert secret not in answer.text
        assert "77/minute" not in answer.text
