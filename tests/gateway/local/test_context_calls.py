"""Bounds on calls that wait for input: their number, their time, and their end with the caller or the server."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from gateway.call import ToolResult
from gateway.errors import Unavailable
from gateway.server import Server
from tests.calls import make_call
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Sure(BaseModel):
    sure: bool


class Asking:
    """Tools that ask for input and record when they begin and end."""

    def __init__(self, name: str = "one") -> None:
        self.begun, self.ended = anyio.Event(), anyio.Event()
        self.server = server_of(self.asks, self.never, self.asks_then_never, name=name)

    async def asks(self, ctx: Context) -> str:
        self.begun.set()
        try:
            return (await ctx.elicit("Sure?", Sure)).action
        finally:
            self.ended.set()

    async def never(self, ctx: Context) -> str:
        self.begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.ended.set()
        return "never"

    async def asks_then_never(self, ctx: Context) -> str:
        await ctx.elicit("Sure?", Sure)
        return await self.never(ctx)


async def decline(client: httpx2.AsyncClient, tool: str, asked: dict[str, Any]) -> httpx2.Response:
    replies = {key: {"action": "decline"} for key in asked["inputRequests"]}
    body = {"tool": tool, "requestState": asked["requestState"], "inputResponses": replies}
    return await client.post("/one/mcp/call", json=body)


@pytest.mark.slow
async def test_number_of_waiting_calls_is_limited_and_an_answered_one_makes_room(make_app: MakeApp) -> None:
    async with opened(make_app(Asking().server)) as client:
        waiting = [(await post(client, "asks")).json() for _ in range(100)]
        refused = await post(client, "asks")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["detail"] == "Too many calls that wait for input: the limit is 100."
        assert (await decline(client, "asks", waiting[0])).json() == {"result": "decline"}
        assert (await post(client, "asks")).status_code == 202


@pytest.mark.slow
async def test_unanswered_call_is_cancelled_after_the_input_timeout(make_app: MakeApp) -> None:
    asking = Asking()
    async with opened(make_app(asking.server, input_timeout=0.02)) as client:
        asked = (await post(client, "asks")).json()
        with anyio.fail_after(5):
            await asking.ended.wait()
        late = await decline(client, "asks", asked)
    assert (late.status_code, late.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert late.json()["detail"].endswith("it is unknown, answered or expired.")


async def test_call_of_an_earlier_process_is_gone(make_app: MakeApp) -> None:
    async with opened(make_app(Asking().server)) as client:
        asked = (await post(client, "asks")).json()
    async with opened(make_app(Asking().server)) as client:
        late = await decline(client, "asks", asked)
    assert (late.status_code, late.json()["type"]) == (410, "urn:multi-mcp:error:gone")


@pytest.mark.slow
async def test_answer_in_time_stops_the_input_timeout(make_app: MakeApp) -> None:
    asking = Asking()
    async with opened(make_app(asking.server, input_timeout=0.05, call_timeout=0.2)) as client:
        asked = (await post(client, "asks_then_never")).json()
        assert (await decline(client, "asks_then_never", asked)).status_code == 504
        with anyio.fail_after(5):
            await asking.ended.wait()


@pytest.mark.parametrize("tool", ["never", "asks_then_never"])
@pytest.mark.slow
async def test_disconnect_of_the_client_cancels_its_call(make_app: MakeApp, tool: str) -> None:
    asking = Asking()
    async with opened(make_app(asking.server)) as client:
        asked = (await post(client, tool)).json() if tool == "asks_then_never" else None
        async with anyio.create_task_group() as tasks:
            if asked is None:
                tasks.start_soon(post, client, tool)
            else:
                tasks.start_soon(decline, client, tool, asked)
            await asking.begun.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await asking.ended.wait()


def call_tool(server: Server, tool: str) -> Coroutine[Any, Any, ToolResult]:
    return server.call(make_call(tool, server=server.name, entry=server.find(tool)))


@pytest.mark.slow
async def test_closing_a_server_ends_running_and_waiting_calls(make_app: MakeApp) -> None:
    asking, waiting = Asking(), Asking("two")
    app = make_app(asking.server, waiting.server)
    raised: list[Unavailable] = []

    async def call() -> None:
        try:
            await call_tool(app.state.registry["one"], "never")
        except Unavailable as exc:
            raised.append(exc)

    async with anyio.create_task_group() as tasks, app.router.lifespan_context(app):
        tasks.start_soon(call)
        await asking.begun.wait()
        result = await call_tool(app.state.registry["two"], "asks")
        assert result.outcome == "input-required"
    assert [str(exc) for exc in raised] == ["The call was cancelled before its tool answered."]
    assert asking.ended.is_set()
    assert waiting.ended.is_set()
