"""Cancelling a call in the console, whichever way it came in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.keys import bearer
from tests.matrix.target import Target
from tests.matrix.ways import SLOWLY, WAYS
from tests.routes.console.console import OWN, keys, login, stream
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Waiting:
    """A tool that waits until it is cancelled. `ended` says how it ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def wait(self) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.ended.put_nowait("cancelled")
            raise
        return "never"


async def stubborn() -> str:
    """Ignores its cancellation."""
    for _ in range(20):
        try:
            await asyncio.sleep(0.5)
            return "done"
        except asyncio.CancelledError:
            pass
    return "never"


async def running(http: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Returns the call in flight, as a page is told of it."""
    async with stream(http, headers) as feed:
        state = await feed.until("state", lambda state: state["processes"][0]["running"])
    process = state["processes"][0]
    return {"process": process["process"], "number": process["running"][0]["number"]}


@pytest.mark.parametrize("way", SLOWLY)
async def test_cancelled_call_ends_its_tool_and_its_caller_learns_it(make_app: MakeApp, way: str) -> None:
    tool = Waiting()
    app = make_app(server_of(tool.wait), console=True, graphql=GRAPHQL)
    async with opened(app) as http:
        call = asyncio.ensure_future(WAYS[way](Target(app, http), "wait", {}, {}))
        found = await running(http, {})
        assert (await http.post("/console/cancel", json=found, headers=OWN)).json() == {"cancelled": True}
        outcome = await asyncio.wait_for(call, 5)
        assert (outcome.slug, outcome.status) in (("cancelled", 499), ("cancelled", 200))
        assert await asyncio.wait_for(tool.ended.get(), 5) == "cancelled"
        async with stream(http) as feed:
            calls = (await feed.until("calls", lambda calls: calls["calls"]))["calls"]
        assert [(each["tool"], each["outcome"]) for each in calls if each["tool"] == "wait"] == [("wait", "cancelled")]
        assert (await http.post("/console/cancel", json=found, headers=OWN)).json() == {"cancelled": False}


async def test_caller_does_not_wait_for_a_tool_that_ignores_its_cancellation(make_app: MakeApp) -> None:
    app = make_app(server_of(stubborn), console=True)
    async with opened(app) as http:
        call = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "stubborn"}))
        found = await running(http, {})
        await http.post("/console/cancel", json=found, headers=OWN)
        answer = await asyncio.wait_for(call, 0.4)
        assert (answer.status_code, answer.json()["detail"]) == (499, "The call was cancelled in the console.")


async def test_call_with_an_idempotency_key_is_cancelled_too(make_app: MakeApp) -> None:
    tool = Waiting()
    app = make_app(server_of(tool.wait), console=True, graphql=GRAPHQL)
    async with opened(app) as http:
        headers = {"idempotency-key": "one"}
        call = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "wait"}, headers=headers))
        await http.post("/console/cancel", json=await running(http, {}), headers=OWN)
        assert (await asyncio.wait_for(call, 5)).json()["type"] == "urn:multi-mcp:error:cancelled"
        assert await asyncio.wait_for(tool.ended.get(), 5) == "cancelled"
        again = await http.post("/one/mcp/call", json={"tool": "wait"}, headers=headers)
        assert (again.status_code, again.json()["outcome"]) == (410, "unknown")


async def test_client_that_leaves_is_no_cancellation_in_the_console(make_app: MakeApp) -> None:
    tool = Waiting()
    app = make_app(server_of(tool.wait), console=True, graphql=GRAPHQL)
    async with opened(app) as http:
        call = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "wait"}))
        await running(http, {})
        call.cancel()
        assert await asyncio.wait_for(tool.ended.get(), 5) == "cancelled"
        assert (await http.post("/one/mcp/call", json={"tool": "none"})).status_code == 404


async def test_process_ends_while_a_call_is_being_cancelled(make_app: MakeApp) -> None:
    app = make_app(server_of(stubborn), console=True)
    async with opened(app) as http:
        calls = [asyncio.create_task(http.post("/one/mcp/call", json={"tool": "stubborn"})) for _ in range(3)]
        await http.post("/console/cancel", json=await running(http, {}), headers=OWN)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)


@pytest.mark.parametrize("body", [{}, {"process": 1, "number": 1}, {"process": "x", "number": True}, {"number": 1}])
async def test_what_names_no_call_is_malformed(make_app: MakeApp, body: dict[str, Any]) -> None:
    async with opened(make_app(server_of(stubborn), console=True)) as http:
        assert (await http.post("/console/cancel", json=body, headers=OWN)).status_code == 400
        answer = await http.post("/console/cancel", json={"process": "other", "number": 1}, headers=OWN)
        assert answer.json() == {"cancelled": False}


async def test_scope_to_cancel_is_enough_to_cancel(make_app: MakeApp, tmp_path: Path) -> None:
    tool = Waiting()
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(tool.wait), console=True, **setting)) as http:
        call = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "wait"}, headers=bearer(given["admin"])))
        found = await running(http, bearer(given["reader"]))
        cookie = {**OWN, "cookie": await login(http, given["cancel"])}
        assert (await http.post("/console/cancel", json=found, headers=cookie)).json() == {"cancelled": True}
        assert (await call).status_code == 499
