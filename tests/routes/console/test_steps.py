"""The steps of one call: where its time went, from the first interceptor to its answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp.types import ElicitResult
from pydantic import BaseModel

from tests.clients import connected
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.console.console import keys, one, stream
from tests.transport import opened

pytestmark = pytest.mark.anyio
BACK = "answer on its way back"
ALWAYS = ["idempotency", "time limit", "place among all calls"]


async def add(a: int, b: int) -> int:
    return a + b


async def looked_at(http: httpx2.AsyncClient, headers: Mapping[str, str] | None = None) -> None:
    """Opens a page, as a person does before they make a call."""
    await http.get("/console/data/me", headers=headers)


def names(call: dict[str, Any]) -> list[str]:
    return list(call["steps"][::2])


def seconds(call: dict[str, Any], step: str) -> float:
    """Returns how long a step took."""
    begins: list[float] = [*call["steps"][1::2], call["seconds"]]
    at = names(call).index(step)
    return begins[at + 1] - begins[at]


async def test_each_interceptor_is_a_step_and_the_steps_are_in_their_order(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    app = make_app(server_of(add), console=True, rate_limit="77/minute", metrics="/metrics", **setting)
    async with opened(app) as http:
        who = bearer(given["all"])
        await looked_at(http, who)
        body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
        answer = await http.post("/one/mcp/call", json=body, headers=who)
        call = await one(http, answer.headers["x-request-id"], who)
    assert names(call) == ["metrics", "access", "rate limit", *ALWAYS, "tool", BACK]
    times = call["steps"][1::2]
    assert times == sorted(times)
    assert (times[0] >= 0, times[-1] <= call["seconds"]) == (True, True)


async def test_call_that_is_refused_ends_in_the_step_that_refused_it(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        await looked_at(http, bearer(given["reader"]))
        sent = {"tool": "add", "arguments": {}}
        answer = await http.post("/one/mcp/call", json=sent, headers=bearer(given["reader"]))
        assert answer.status_code == 403
        call = await one(http, answer.headers["x-request-id"], bearer(given["reader"]))
    assert names(call) == ["access"]


async def test_sync_tool_shows_how_long_it_waited_for_a_place(make_app: MakeApp) -> None:
    goes_on, began = threading.Event(), threading.Semaphore(0)

    def hold() -> str:
        began.release()
        goes_on.wait(20)
        return "held"

    async with opened(make_app(server_of(hold), console=True, threads=1)) as http:
        await looked_at(http)
        first = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "hold"}))
        assert await asyncio.to_thread(began.acquire, timeout=20)
        second = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "hold"}))
        async with stream(http) as feed:
            await feed.until("state", lambda state: state["processes"][0]["in_flight"] == 2)
        goes_on.set()
        calls = [await one(http, (await each).headers["x-request-id"]) for each in (first, second)]
    waits = ["waits for a place among the threads", "waits for a thread"]
    assert [names(call) for call in calls] == [[*ALWAYS, "tool", *waits, "tool", BACK]] * 2
    assert seconds(calls[1], waits[0]) > seconds(calls[0], waits[0])


class Name(BaseModel):
    name: str


async def test_time_in_which_the_client_is_asked_is_a_step(make_app: MakeApp) -> None:
    async def ask(ctx: Context) -> str:
        await ctx.elicit("Your name?", Name)
        return "answered"

    async def think(context: Any, params: Any) -> ElicitResult:
        await asyncio.sleep(0.05)
        return ElicitResult(action="accept", content={"name": "Ada"})

    async with opened(make_app(server_of(ask), console=True)) as http:
        await looked_at(http)
        async with connected(http, "legacy", elicitation_callback=think) as client:
            await client.call_tool("ask")
            async with stream(http) as feed:
                ended = await feed.until("calls", lambda each: each["calls"])
        call = await one(http, ended["calls"][-1]["request_id"])
    assert names(call)[-4:] == ["tool", "waits for the client's answer", "tool", BACK]
    assert seconds(call, "waits for the client's answer") >= 0.05


async def test_nothing_is_noted_of_calls_at_which_nobody_looks(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
        before = await http.post("/one/mcp/call", json=body)
        await looked_at(http)
        after = await http.post("/one/mcp/call", json=body)
        found = [await one(http, each.headers["x-request-id"]) for each in (before, after)]
        async with stream(http) as feed:
            shown = (await feed.until("calls", lambda each: each["calls"]))["calls"]
    assert "steps" not in found[0]
    assert names(found[1])[-2:] == ["tool", BACK]
    assert not any("steps" in call for call in shown), "they are for the page of one call"
