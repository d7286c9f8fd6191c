"""Equal calls at the same time run the tool once, and a failure of that run reaches its own caller only."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette

from gateway.call import request_id
from tests.calls import make_call
from tests.clients import answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.gateway.cache.cached import PUBLIC, Counting
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


def ask(http: httpx2.AsyncClient, count: int, tool: str = "gated", **arguments: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(post(http, tool, arguments)) for _ in range(count)]


def results(answers: list[Any]) -> list[Any]:
    return [answer.json().get("result") if isinstance(answer, httpx2.Response) else answer for answer in answers]


async def settled() -> None:
    """Waits until all sent requests have got as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_thousand_equal_calls_run_the_tool_once(
    make_app: MakeApp, counting: Counting, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(make_app(counting.server)) as http:
        calls = ask(http, 999)
        await counting.until(1)
        async with connected(http, "modern") as mcp:
            native = asyncio.create_task(answered(mcp, "gated"))
            await settled()
            counting.end()
            assert (await native)["structuredContent"] == {"result": "done"}
        assert results(await asyncio.gather(*calls)) == ["done"] * 999
    assert counting.ran["gated"] == 1


@pytest.mark.parametrize("tool", ["gated", "gated_with_context"])
async def test_failed_run_fails_its_own_caller_only(http: httpx2.AsyncClient, counting: Counting, tool: str) -> None:
    calls = ask(http, 20, tool)
    await counting.until(1)
    await settled()
    counting.end(ToolError("not today"))
    await counting.until(1)
    counting.end()
    found = results(await asyncio.gather(*calls))
    assert (found.count(None), found.count("done"), counting.ran[tool]) == (1, 19, 2)


@pytest.mark.parametrize("tool", ["gated", "gated_with_context"])
async def test_cancelled_run_fails_no_other_caller(
    http: httpx2.AsyncClient, app: Starlette, counting: Counting, tool: str
) -> None:
    def call() -> Coroutine[Any, Any, Any]:
        server = app.state.registry["one"]
        return server.call(make_call(tool, entry=server.find(tool)))  # type: ignore[no-any-return]

    calls = [asyncio.create_task(call()) for _ in range(10)]
    for number, leader in enumerate(calls[:3], 1):
        await counting.until_ran(tool, number)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)
    await counting.until_ran(tool, 4)
    calls[5].cancel()
    counting.end()
    found = await asyncio.gather(*calls, return_exceptions=True)
    left = [isinstance(answer, asyncio.CancelledError) for answer in found]
    assert left == [number in (0, 1, 2, 5) for number in range(10)]
    assert counting.ran[tool] == 4
    assert (await post(http, tool)).json() == {"result": "done"}


async def test_each_waiting_call_has_its_own_timeout(make_app: MakeApp, counting: Counting) -> None:
    async with opened(make_app(counting.server, call_timeout=0.05)) as http:
        answers = await asyncio.gather(*ask(http, 5))
    assert [answer.json()["type"] for answer in answers] == ["urn:multi-mcp:error:timeout"] * 5


async def test_waiting_calls_count_towards_the_limit_of_calls(make_app: MakeApp, counting: Counting) -> None:
    async with opened(make_app(counting.server, max_calls=3)) as http:
        calls = ask(http, 3)
        await counting.until(1)
        await settled()
        assert (await post(http, "gated")).json()["type"] == "urn:multi-mcp:error:unavailable"
        counting.end()
        assert results(await asyncio.gather(*calls)) == ["done"] * 3


async def test_tool_runs_in_the_context_of_its_own_caller(make_app: MakeApp) -> None:
    seen: list[str] = []
    gate: list[asyncio.Future[None]] = []

    async def caller_id() -> str:
        seen.append(request_id.get())
        if not gate:
            gate.append(asyncio.get_running_loop().create_future())
            await gate[0]
            raise ToolError("not today")
        return request_id.get()

    server = server_of()
    server.add_tool(caller_id, meta=PUBLIC)
    async with opened(make_app(server)) as http:

        async def call(name: str) -> httpx2.Response:
            return await http.post("/one/mcp/call", json={"tool": "caller_id"}, headers={"x-request-id": name})

        calls = [asyncio.create_task(call(name)) for name in ("first", "second", "third")]
        while not gate:
            await asyncio.sleep(0)
        await settled()
        gate[0].set_result(None)
        answers = await asyncio.gather(*calls)
    assert seen == ["first", "second"]
    assert [answer.headers["x-request-id"] for answer in answers] == ["first", "second", "third"]
    assert [answer.json().get("result") for answer in answers] == [None, "second", "second"]
