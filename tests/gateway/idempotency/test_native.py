"""Calls with a key over native MCP: questions, clients that leave, and answers of another interface."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import httpx2
import pytest

from tests import wire
from tests.conftest import MakeApp
from tests.gateway.idempotency.once import Once, once, slug

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
KEY = {"multi-mcp/idempotency-key": "one"}


async def native(one: Once, tool: str, url: str = "/one/mcp", **params: Any) -> httpx2.Response:
    headers, body = wire.modern("tools/call", name=tool, arguments={})
    body["params"] |= params
    body["params"]["_meta"] |= KEY
    return await one.http.post(url, json=body, headers=headers)


def message(answer: httpx2.Response) -> dict[str, Any]:
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    found: dict[str, Any] = wire.messages(answer.text)[-1] if is_stream else answer.json()
    return found


async def test_question_is_repeated_and_its_answer_runs_once(make_app: MakeApp) -> None:
    async with once(make_app) as one:
        for url, tool in (("/one/mcp", "asks"), ("/mcp", "one_asks")):
            first, again = [message(await native(one, tool, url))["result"] for _ in range(2)]
            assert (first["resultType"], again["resultType"], one.runs) == ("input_required", "input_required", 1)
        for state in (again["requestState"], again["requestState"]):
            answered = message(await native(one, tool, url, requestState=state))["result"]
            assert (answered["content"][0]["text"], one.runs) == ("answered", 2)


async def test_question_over_mcp_is_no_answer_over_json(make_app: MakeApp) -> None:
    async with once(make_app) as one:
        await native(one, "asks")
        assert (slug(await one.call("asks")), one.runs) == ((409, "conflict"), 1)


async def test_question_over_json_is_no_answer_over_mcp(make_app: MakeApp) -> None:
    async with once(make_app) as one:
        assert (await one.call("asks")).status_code == 202
        error = message(await native(one, "asks"))["error"]
        assert (error["data"], one.runs) == ({"type": "conflict"}, 1)


@pytest.mark.parametrize("tool", ["waits", "reports"])
async def test_native_call_whose_client_leaves_goes_on_and_answers_the_next_one(make_app: MakeApp, tool: str) -> None:
    async with once(make_app) as one:
        first = asyncio.create_task(native(one, tool))
        with anyio.fail_after(5):
            await one.begun.wait()
            first.cancel()
            await asyncio.sleep(0.1)
            again = asyncio.create_task(native(one, tool))
            await asyncio.sleep(0)
            one.go_on.set()
            assert message(await again)["result"]["structuredContent"] == {"result": 1}
        assert ((await one.call(tool)).json(), one.runs) == ({"result": 1}, 1)


async def test_wrong_key_is_a_wrong_parameter(make_app: MakeApp) -> None:
    async with once(make_app) as one:
        for key in (5, None, "", "two words", ["one"]):
            headers, body = wire.modern("tools/call", name="draws", arguments={})
            body["params"]["_meta"] |= {"multi-mcp/idempotency-key": key}
            error = message(await one.http.post("/one/mcp", json=body, headers=headers))["error"]
            assert (error["code"], error["data"]) == (-32602, {"type": "invalid-request"})
        assert one.runs == 0
