"""The time limit of calls."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from mcp_types import ElicitResult
from pydantic import BaseModel

from gateway.call import ToolCall, ToolResult, chain
from gateway.clock import TimeLimits
from gateway.limits.timeout import Timeout
from tests.calls import make_call
from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix.target import Target
from tests.matrix.ways import WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Name(BaseModel):
    name: str


class Slow:
    """Tools that never return, and record that they were cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.server = server_of(self.plain, self.with_context, self.quick)

    async def plain(self) -> str:
        return await self._never("plain")

    async def with_context(self, ctx: Context) -> str:
        return await self._never("with_context")

    async def quick(self) -> str:
        await anyio.lowlevel.checkpoint()
        return "in time"

    async def _never(self, name: str) -> str:
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.append(name)
        raise AssertionError("unreachable")


@pytest.mark.parametrize("tool", ["plain", "with_context"])
@pytest.mark.slow
async def test_slow_call_is_cancelled_and_answered_504(make_app: MakeApp, tool: str) -> None:
    slow = Slow()
    async with opened(make_app(slow.server, call_timeout=0.02)) as client:
        for answer in (await post(client, tool), await client.post(f"/one/mcp/tools/{tool}", json={})):
            assert answer.status_code == 504
            assert answer.json()["type"] == "urn:multi-mcp:error:timeout"
            assert answer.json()["detail"] == "The server did not answer within 0.02 seconds."
    assert slow.cancelled == [tool, tool]


@pytest.mark.parametrize("tool", ["plain", "with_context"])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_slow_mcp_call_is_cancelled_and_answered_with_a_protocol_error(
    make_app: MakeApp, era: Era, tool: str
) -> None:
    slow = Slow()
    async with opened(make_app(slow.server, call_timeout=0.02)) as client, connected(client, era) as mcp:
        error = await error_of(mcp, tool)
    assert error == {
        "code": -32001,
        "message": "The server did not answer within 0.02 seconds.",
        "data": {"type": "timeout"},
    }
    assert slow.cancelled == [tool]


async def test_call_within_the_limit_is_answered(make_app: MakeApp) -> None:
    async with opened(make_app(Slow().server, call_timeout=30)) as client, connected(client, "modern") as mcp:
        assert (await post(client, "quick")).json() == {"result": "in time"}
        assert (await mcp.call_tool("quick")).structured_content == {"result": "in time"}


async def test_timeout_error_of_the_tool_is_not_reported_as_call_timeout() -> None:
    async def execute(call: ToolCall) -> ToolResult:
        await anyio.lowlevel.checkpoint()
        raise TimeoutError("of an upstream")

    with pytest.raises(TimeoutError, match="of an upstream"):
        await chain([Timeout(TimeLimits(30, 30, 30))], execute)(make_call("slow"))


@pytest.mark.slow
async def test_thinking_time_of_a_native_client_does_not_count(make_app: MakeApp) -> None:
    async def ask(ctx: Context) -> str:
        answer = await ctx.elicit("Your name?", Name)
        return f"Hello {answer.data.name}" if answer.action == "accept" else "nobody"

    async def think(context: Any, params: Any) -> ElicitResult:
        await anyio.sleep(0.3)
        return ElicitResult(action="accept", content={"name": "Ada"})

    app = make_app(server_of(ask), call_timeout=0.1)
    async with opened(app) as http, connected(http, "legacy", elicitation_callback=think) as client:
        assert (await client.call_tool("ask")).structured_content == {"result": "Hello Ada"}


@pytest.mark.slow
async def test_native_client_that_never_answers_ends_the_call(make_app: MakeApp) -> None:
    async def ask(ctx: Context) -> str:
        await ctx.elicit("Your name?", Name)
        return "answered"

    async def never(context: Any, params: Any) -> ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    app = make_app(server_of(ask), call_timeout=30, input_timeout=0.1)
    async with opened(app) as http, connected(http, "legacy", elicitation_callback=never) as client:
        assert (await error_of(client, "ask"))["data"] == {"type": "timeout"}


async def report(ctx: Context, times: int) -> str:
    for number in range(times):
        await anyio.sleep(0.05)
        await ctx.report_progress(number)
    return "done"


@pytest.mark.slow
async def test_tool_that_reports_progress_may_take_longer_but_not_for_ever(make_app: MakeApp) -> None:
    app = make_app(server_of(report), graphql=GRAPHQL, call_timeout=0.5, call_total_timeout=2)
    outcomes: dict[tuple[str, int], str] = {}
    async with opened(app) as http, anyio.create_task_group() as tasks:

        async def ask(way: str, times: int) -> None:
            outcomes[way, times] = (await WAYS[way](Target(app, http), "report", {"times": times}, {})).slug

        for way in WAYS:
            tasks.start_soon(ask, way, 12)
            tasks.start_soon(ask, way, 10_000)
    assert outcomes == {(way, times): "ok" if times == 12 else "timeout" for way in WAYS for times in (12, 10_000)}


@pytest.mark.slow
async def test_tool_that_cancels_its_own_call_has_crashed(make_app: MakeApp) -> None:
    async def give_up() -> str:
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "too late"

    app = make_app(server_of(give_up))
    async with opened(app) as http:
        assert (await post(http, "give_up")).json()["type"] == "urn:multi-mcp:error:tool-crashed"
