"""Faults between the router and servers elsewhere: what fails, what goes on, and what is done once."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import ERAS, answered, connected, post
from tests.gateway.upstream.conftest import Serving, entry, status
from tests.gateway.upstream.http.conftest import sdk_server
from tests.ports import free_port
from tests.process.upstream.fronts import cutting_front

pytestmark = [pytest.mark.anyio, pytest.mark.process]
UPSTREAM_ERAS = pytest.mark.parametrize("era", ERAS)
RUNS = 100


async def count(http: httpx2.AsyncClient) -> int:
    """Returns the number of times that `add` has run, on a way without faults."""
    runs: int = (await post(http, "counts", {}, "direct")).json()["result"]["calls"]
    return runs


@UPSTREAM_ERAS
async def test_call_is_executed_once_wherever_its_connection_is_cut(serving: Serving, sdk_url: str, era: str) -> None:
    chance = random.Random(11)  # noqa: S311
    async with cutting_front(sdk_url) as front:
        entries = {"one": {"url": front.url, "era": era}, "direct": {"url": sdk_url, "era": "modern"}}
        async with serving(**entries) as http:
            await status(http)
            assert (await post(http, "add", {"a": 1, "b": 2})).status_code == 200
            front.cut = lambda: chance.choice((None, chance.randrange(1, 500)))
            found = set()
            for _ in range(RUNS):
                for writer in [*front.open] if chance.random() < 0.5 else ():  # idle ones, too
                    writer.transport.abort()
                before = await count(http)
                answer = await post(http, "add", {"a": 1, "b": 2})
                ran = await count(http) - before
                found.add((answer.status_code, answer.json().get("outcome"), ran))
            front.cut = lambda: None
            await front.end_connections()  # those that are still to be cut
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
    assert found <= {(200, None, 1), (502, "unknown", 1), (502, "unknown", 0), (502, "not-executed", 0)}
    assert {(200, None, 1), (502, "unknown", 1)} <= found


@UPSTREAM_ERAS
async def test_dropped_connection_fails_one_of_fifty_calls(serving: Serving, sdk_url: str, era: str) -> None:
    async with cutting_front(sdk_url) as front:
        entries = {"one": {"url": front.url, "era": era}, "direct": {"url": sdk_url, "era": "modern"}}
        async with serving(**entries) as http:
            assert (await post(http, "add", {"a": 1, "b": 2})).status_code == 200
            idle = {*front.open}
            calls = [asyncio.ensure_future(post(http, "sleep", {"seconds": 5})) for _ in range(50)]
            with anyio.fail_after(20):
                while (await post(http, "counts", {}, "direct")).json()["result"]["asleep"] < 50:
                    await asyncio.sleep(0.01)
            next(writer for writer in front.open if writer not in idle).transport.abort()
            statuses = sorted([(await call).status_code for call in calls])
    assert statuses == [200] * 49 + [502]


@pytest.mark.parametrize("client_era", ERAS)
@UPSTREAM_ERAS
async def test_session_of_a_client_outlives_a_restart_of_the_host(serving: Serving, era: str, client_era: Any) -> None:
    port = free_port()
    numbers = {"a": 1, "b": 2}
    with ExitStack() as first:
        first.enter_context(sdk_server(port))
        async with serving(one={"url": f"http://127.0.0.1:{port}/mcp", "era": era}) as http:
            await status(http)
            async with connected(http, client_era) as client:
                assert (await answered(client, "add", numbers))["structuredContent"] == {"result": 3}
                first.close()
                assert "error" in await answered(client, "add", numbers)
                with sdk_server(port):
                    assert (await answered(client, "add", numbers))["structuredContent"] == {"result": 3}


async def test_errors_of_tools_never_make_a_server_fail(serving: Serving, sdk_url: str) -> None:
    async with serving(one=entry(), two={"url": sdk_url, "era": "legacy"}) as http:
        for server, tool in (("one", "fail"), ("two", "add")):
            for _ in range(10):
                answers = await asyncio.gather(*(post(http, tool, {"a": "x"}, server) for _ in range(50)))
                assert {answer.status_code for answer in answers} == {422}
            assert (await http.get(f"/{server}/mcp/health")).json()["status"] == "ok"
            assert (await post(http, "add", {"a": 1, "b": 2}, server)).json() == {"result": 3}
