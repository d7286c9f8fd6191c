"""Calls over native MCP: how they pass the chain, and their answers on the wire."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import CallToolResult

from tests.clients import ERAS, Era, connected, error_of, open_session
from tests.conftest import MakeApp, server_of
from tests.transport import opened
from tests.wire import messages, modern, request

pytestmark = pytest.mark.anyio


async def echo(text: str) -> str:
    return text


async def sent(client: httpx2.AsyncClient, era: Era, method: str, **params: Any) -> dict[str, Any]:
    """Sends a request without the checks of the SDK's client and returns the answer on the wire."""
    if era == "modern":
        headers, body = modern(method, **params)
        return dict((await client.post("/one/mcp", json=body, headers=headers)).json())
    headers = await open_session(client, "/one/mcp")
    answer = await client.post("/one/mcp", json=request(method, **params), headers=headers)
    return messages(answer.text)[-1]


@pytest.mark.parametrize(
    "params",
    [
        {"name": "echo", "arguments": ["no", "object"]},
        {"name": "echo", "arguments": "SECRET"},
        {"name": "echo", "inputResponses": {"a": "SECRET"}},
    ],
)
async def test_invalid_params_are_a_protocol_error(make_app: MakeApp, params: dict[str, Any]) -> None:
    async with opened(make_app(server_of(echo))) as client:
        answer = await sent(client, "modern", "tools/call", **params)
    assert answer["error"]["code"] == -32602
    assert "SECRET" not in str(answer)


@pytest.mark.parametrize("params", [{}, {"name": 5}, {"name": "echo", "arguments": [1]}])
async def test_invalid_params_in_a_session_are_a_protocol_error(make_app: MakeApp, params: dict[str, Any]) -> None:
    async with opened(make_app(server_of(echo))) as client:
        answer = await sent(client, "legacy", "tools/call", **params)
    assert answer["error"]["code"] == -32602


@pytest.mark.parametrize("era", ERAS)
async def test_call_without_arguments_runs_the_tool(make_app: MakeApp, era: Era) -> None:
    async def without() -> str:
        return "called"

    async with opened(make_app(server_of(without))) as client:
        answer = await sent(client, era, "tools/call", name="without")
    assert answer["result"]["structuredContent"] == {"result": "called"}


@pytest.mark.parametrize("era", ERAS)
async def test_exception_of_the_authors_middleware_is_logged_and_not_sent(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, era: Era
) -> None:
    async def broken(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "tools/call":
            raise RuntimeError("secret")
        return await call_next(ctx)

    app = make_app(server_of(echo, middleware=[broken]))
    async with opened(app) as client, connected(client, era) as mcp:
        error = await error_of(mcp, "echo", {"text": "a"})
    assert error == {
        "code": -32000,
        "message": "The tool failed unexpectedly. The log has the reason under the request id.",
        "data": {"type": "tool-crashed"},
    }
    assert "secret" in caplog.text


@pytest.mark.parametrize("era", ERAS)
async def test_middleware_may_answer_with_a_result_object(make_app: MakeApp, era: Era) -> None:
    async def answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        return CallToolResult(content=[], is_error=True) if ctx.method == "tools/call" else await call_next(ctx)

    async with opened(make_app(server_of(echo, middleware=[answers]))) as client, connected(client, era) as mcp:
        assert (await mcp.call_tool("echo", {"text": "a"})).is_error


@pytest.mark.parametrize("era", ERAS)
async def test_native_call_needs_the_full_name_of_the_tool(make_app: MakeApp, era: Era) -> None:
    async def say_tool() -> str:
        return "said"

    async with opened(make_app(server_of(say_tool))) as client, connected(client, era) as mcp:
        assert (await mcp.call_tool("say")).is_error
        assert not (await mcp.call_tool("say_tool")).is_error
