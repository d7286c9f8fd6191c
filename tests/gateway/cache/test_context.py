"""Calls that ask for input or report progress are not answered from the cache."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from mcp_types import ElicitResult
from starlette.applications import Starlette

from tests.calls import make_call
from tests.clients import ERAS, Era, answered, connected, post
from tests.gateway.cache.cached import Counting

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_call_that_asks_for_input_is_not_cached(http: httpx2.AsyncClient, counting: Counting) -> None:
    for number in (1, 2):
        asked = await post(http, "asks")
        assert asked.status_code == 202
        key = next(iter(asked.json()["inputRequests"]))
        continuation = {"inputResponses": {key: {"action": "decline"}}, "requestState": asked.json()["requestState"]}
        answer = await http.post("/one/mcp/call", json={"tool": "asks", "arguments": {}, **continuation})
        assert answer.json() == {"result": "decline"}
        assert counting.ran["asks"] == number


async def test_result_that_took_input_of_the_client_is_not_cached(http: httpx2.AsyncClient, counting: Counting) -> None:
    for action in ("decline", "cancel"):

        async def on_ask(context: Any, params: Any, action: Any = action) -> ElicitResult:
            return ElicitResult(action=action)

        async with connected(http, "legacy", elicitation_callback=on_ask) as mcp:
            assert (await answered(mcp, "asks"))["structuredContent"] == {"result": action}
    assert counting.ran["asks"] == 2


async def test_continued_call_is_not_cached(http: httpx2.AsyncClient, counting: Counting) -> None:
    for number in (1, 2):
        asked = await post(http, "asks_to_wait")
        body = {"tool": "asks_to_wait", "arguments": {}, "requestState": asked.json()["requestState"]}
        assert (await http.post("/one/mcp/call", json=body)).json() == {"result": "waited"}
        async with connected(http, "modern") as mcp:
            first = await answered(mcp, "asks_to_wait")
            again = await mcp.session.call_tool("asks_to_wait", {}, request_state=first["requestState"])
            assert again.structured_content == {"result": "waited"}
        assert counting.ran["asks_to_wait"] == 4 * number


@pytest.mark.parametrize("era", ERAS)
async def test_native_caller_receives_progress_of_each_call(
    http: httpx2.AsyncClient, counting: Counting, era: Era
) -> None:
    heard: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with connected(http, era) as mcp:
        await mcp.call_tool("reports")
        for _ in range(2):
            await mcp.call_tool("reports", progress_callback=on_progress)
        await mcp.call_tool("reports")
    assert (heard, counting.ran["reports"]) == ([1, 1], 3)


async def test_call_with_a_report_function_receives_its_reports(
    http: httpx2.AsyncClient, app: Starlette, counting: Counting
) -> None:
    heard: list[str] = []
    server = app.state.registry["one"]

    async def report(kind: str, fields: Any) -> None:
        heard.append(kind)

    await post(http, "reports")
    for _ in range(2):
        call = make_call("reports", entry=server.find("reports"), report=report)
        assert (await server.call(call)).body == b'{"result":"done"}'
    assert (heard, counting.ran["reports"]) == (["progress", "progress"], 3)


async def test_tool_with_context_is_cached_if_nobody_receives_progress(http: httpx2.AsyncClient) -> None:
    assert [(await post(http, "state")).json()["result"] for _ in range(2)] == [1, 1]
    async with connected(http, "legacy") as mcp:
        assert (await answered(mcp, "state"))["structuredContent"] == {"result": 1}
