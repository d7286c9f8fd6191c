"""Requests of a tool to its caller over `/call`, and the calls that answer them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    Request,
    RequestParams,
    Result,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The (sampling|roots) capability is deprecated")]


class Number(BaseModel):
    number: int


class Custom(Request[RequestParams, Literal["example/ask"]]):
    method: Literal["example/ask"] = "example/ask"
    params: RequestParams = RequestParams()


async def samples(ctx: Context) -> str:
    message = SamplingMessage(role="user", content=TextContent(type="text", text="Hello"))
    answer = await ctx.session.create_message([message], max_tokens=5)
    assert isinstance(answer.content, TextContent)
    return answer.content.text


async def lists_roots(ctx: Context) -> list[str]:
    return [str(root.uri) for root in (await ctx.session.list_roots()).roots]


async def sends_to_a_url(ctx: Context) -> str:
    return (await ctx.elicit_url("Log in", "https://example.com", "1")).action


async def asks_by_a_custom_method(ctx: Context) -> dict[str, Any]:
    request: Any = Custom()
    answer: Result = await ctx.session.send_request(request, Result)
    return answer.model_dump(exclude_none=True)


async def asks_two_at_once(ctx: Context) -> list[int]:
    numbers: dict[str, int] = {}

    async def ask(message: str) -> None:
        answer = await ctx.elicit(message, Number)
        assert answer.action == "accept"
        numbers[message] = answer.data.number

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, "a")
        tasks.start_soon(ask, "b")
    return [numbers["a"], numbers["b"]]


async def crashes_after_the_answer(ctx: Context) -> str:
    await ctx.elicit("Well?", Number)
    raise RuntimeError("secret")


async def resume(
    client: httpx2.AsyncClient, tool: str, before: dict[str, Any], **answers: Any
) -> tuple[int, dict[str, Any]]:
    body = {"tool": tool, "requestState": before["requestState"], "inputResponses": answers}
    answer = await client.post("/one/mcp/call", json=body)
    return answer.status_code, answer.json()


SAMPLE = {"role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m"}
QUESTIONS: list[tuple[Callable[..., Any], str, Any, Any]] = [
    (samples, "sampling/createMessage", SAMPLE, "Hi"),
    (lists_roots, "roots/list", {"roots": [{"uri": "file:///a"}]}, ["file:///a"]),
    (sends_to_a_url, "elicitation/create", {"action": "decline"}, "decline"),
    (asks_by_a_custom_method, "example/ask", {"_meta": {"any": 1}}, {"meta": {"any": 1}}),
]


@pytest.mark.parametrize(("tool", "method", "reply", "result"), QUESTIONS)
async def test_tool_may_send_any_request_that_a_client_can_answer(
    make_app: MakeApp, tool: Callable[..., Any], method: str, reply: Any, result: Any
) -> None:
    async with opened(make_app(server_of(tool))) as client:
        before = (await post(client, tool.__name__)).json()
        [(key, request)] = before["inputRequests"].items()
        assert request["method"] == method
        refused, problem = await resume(client, tool.__name__, before, **{key: ["no", "object"]})
        after = await resume(client, tool.__name__, before, **{key: reply})
    assert (refused, problem["detail"]) == (400, f"`inputResponses.{key}` must be an object.")
    assert after == (200, {"result": result})


async def test_two_concurrent_questions_may_be_answered_one_after_the_other(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(asks_two_at_once))) as client:
        before = (await post(client, "asks_two_at_once")).json()
        keys = {request["params"]["message"]: key for key, request in before["inputRequests"].items()}
        assert sorted(keys) == ["a", "b"]
        status, between = await resume(
            client, "asks_two_at_once", before, **{keys["b"]: {"action": "accept", "content": {"number": 2}}}
        )
        assert (status, [*between["inputRequests"]]) == (202, [keys["a"]])
        after = await resume(
            client, "asks_two_at_once", between, **{keys["a"]: {"action": "accept", "content": {"number": 1}}}
        )
    assert after == (200, {"result": [1, 2]})


async def test_crash_after_an_answer_is_500_without_its_text(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(crashes_after_the_answer))) as client:
        before = (await post(client, "crashes_after_the_answer")).json()
        [key] = before["inputRequests"]
        status, problem = await resume(client, "crashes_after_the_answer", before, **{key: {"action": "cancel"}})
    assert (status, problem["type"]) == (500, "urn:multi-mcp:error:tool-crashed")
    assert "secret" not in str(problem)


@pytest.mark.slow
async def test_tool_may_stop_waiting_and_a_late_answer_is_refused(make_app: MakeApp) -> None:
    gave_up = anyio.Event()

    async def impatient(ctx: Context) -> str:
        form = ElicitRequest(params=ElicitRequestFormParams(message="Quick!", requested_schema={"type": "object"}))
        try:
            await ctx.session.send_request(form, ElicitResult, request_read_timeout_seconds=0.01)
        except MCPError as exc:
            gave_up.set()
            return exc.error.message
        return "answered"

    async with opened(make_app(server_of(impatient))) as client:
        before = (await post(client, "impatient")).json()
        await gave_up.wait()
        await anyio.lowlevel.checkpoint()
        [key] = before["inputRequests"]
        status, problem = await resume(client, "impatient", before, **{key: {"action": "cancel"}})
    assert (status, problem["type"]) == (400, "urn:multi-mcp:error:invalid-request")


async def test_notifications_other_than_log_and_progress_are_ignored(make_app: MakeApp) -> None:
    async def tells(ctx: Context) -> str:
        await ctx.session.send_tool_list_changed()
        await ctx.report_progress(1, 2)
        return "told"

    async with opened(make_app(server_of(tells))) as client:
        assert (await post(client, "tells")).json() == {"result": "told"}


async def test_request_state_expires(make_app: MakeApp) -> None:
    async def waits(ctx: Context) -> InputRequiredResult:
        return InputRequiredResult(request_state="later")

    security = RequestStateSecurity.ephemeral(ttl=1e-9)
    async with opened(make_app(server_of(waits, request_state_security=security))) as client:
        before = (await post(client, "waits")).json()
        status, problem = await resume(client, "waits", before)
    assert (status, problem["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert problem["detail"] == "This `requestState` is not of this call, or has expired."
