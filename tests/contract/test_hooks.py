"""Servers with middleware, extensions or subclasses that wrap or replace the SDK's tool calls."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult, TextContent

from gateway.local.discovery import discover, load
from tests.clients import ERAS, answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.contract.expected import ARGUMENTS, CONTENT, CRASHES, REFUSED, TOOL_ERRORS, VALUES
from tests.contract.ways import SERVERS
from tests.transport import opened

pytestmark = pytest.mark.anyio

Context = ServerRequestContext[Any, Any]


async def unchanged(ctx: Context, call_next: CallNext) -> HandlerResult:
    return await call_next(ctx)


def redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value.replace("secret", "***") if isinstance(value, str) else value


async def redacting(ctx: Context, call_next: CallNext) -> HandlerResult:
    result = await call_next(ctx)
    return redacted(result) if ctx.method == "tools/call" else result


def text(words: str, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=is_error)


async def tells(words: str) -> str:
    return f"{words} secret"


async def tells_data() -> dict:  # type: ignore[type-arg]
    return {"a": "secret", "b": [1]}


async def tells_typed() -> dict[str, str]:
    return {"a": "secret"}


async def tells_list() -> list:  # type: ignore[type-arg]
    return ["secret", "open"]


@pytest.mark.slow
async def test_middleware_that_changes_nothing_does_not_change_the_responses(make_app: MakeApp) -> None:
    [(_, mcp)] = load(discover([SERVERS]))
    mcp.middleware.append(unchanged)
    async with opened(make_app(mcp)) as client:
        for tool, arguments, result in [*VALUES, *CONTENT, *ARGUMENTS]:
            answer = await post(client, tool, arguments, "kinds")
            assert (tool, answer.json()) == (tool, {"result": result})
        for tool, arguments, detail, _ in TOOL_ERRORS:
            answer = await post(client, tool, arguments, "kinds")
            assert (tool, answer.status_code, answer.json()["detail"]) == (tool, 422, detail)
        for tool, arguments, errors in REFUSED:
            answer = await post(client, tool, arguments, "kinds")
            assert [(error["path"], error["reason"]) for error in answer.json()["errors"]] == errors
        for tool, arguments in CRASHES:
            answer = await post(client, tool, arguments, "kinds")
            assert (tool, answer.json()["type"]) == (tool, "urn:multi-mcp:error:tool-crashed")


@pytest.mark.parametrize(
    ("tool", "result"),
    [
        ("tells", "my ***"),
        ("tells_data", {"a": "***", "b": [1]}),
        ("tells_typed", {"a": "***"}),
        ("tells_list", [{"type": "text", "text": "***"}, {"type": "text", "text": "open"}]),
    ],
)
@pytest.mark.slow
async def test_text_redacted_by_a_middleware_is_in_no_response(make_app: MakeApp, tool: str, result: Any) -> None:
    app = make_app(server_of(tells, tells_data, tells_typed, tells_list, middleware=[redacting]))
    arguments = {"words": "my"} if tool == "tells" else {}
    async with opened(app) as client:
        answer = await post(client, tool, arguments)
        assert answer.json() == {"result": result}
        assert "secret" not in (await client.post(f"/one/mcp/tools/{tool}", json=arguments)).text
        for era in ERAS:
            async with connected(client, era) as mcp:
                assert "secret" not in str(await answered(mcp, tool, arguments))


@pytest.mark.slow
async def test_structured_content_removed_by_a_middleware_is_not_returned(make_app: MakeApp) -> None:
    async def own() -> CallToolResult:
        return CallToolResult(content=[TextContent(type="text", text="open")], structured_content={"a": "secret"})

    async def unstructured(ctx: Context, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "tools/call":
            assert isinstance(result, dict)
            result.pop("structuredContent")
        return result

    async with opened(make_app(server_of(own, tells_typed, middleware=[unstructured]))) as client:
        assert (await post(client, "own")).json() == {"result": "open"}
        assert (await post(client, "tells_typed")).json() == {"result": '{\n  "a": "secret"\n}'}


@pytest.mark.parametrize(
    ("given", "status", "answer"),
    [
        (text("by the middleware"), 200, {"result": "by the middleware"}),
        (text("42"), 200, {"result": "42"}),
        ({"resultType": "complete", "content": [], "structuredContent": {"a": 1}}, 200, {"result": {"a": 1}}),
        ({"resultType": "complete", "content": []}, 200, {"result": None}),
        (text("not you", is_error=True), 422, "not you"),
        (MCPError(-32050, "not you"), 422, "not you"),
        (InputRequiredResult(request_state="later"), 202, "requestState"),
        (RuntimeError("secret"), 500, "tool-crashed"),
        (SystemExit("secret"), 500, "tool-crashed"),
    ],
)
@pytest.mark.slow
async def test_middleware_can_answer_instead_of_the_tool(
    make_app: MakeApp, given: Any, status: int, answer: Any
) -> None:
    async def answers(ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        if isinstance(given, BaseException):
            raise given
        return given  # type: ignore[no-any-return]

    async with opened(make_app(server_of(tells_data, middleware=[answers]))) as client:
        got = await post(client, "tells_data")
        async with connected(client, "modern") as mcp:
            over_mcp = await answered(mcp, "tells_data", {})

    assert got.status_code == status
    assert "secret" not in got.text + str(over_mcp)
    if status == 200:
        assert got.json() == answer
    else:
        assert answer in got.text


async def test_extension_can_answer_one_tool_and_pass_on_the_others(make_app: MakeApp) -> None:
    class Shop(Extension):
        identifier = "example/shop"

        def __init__(self) -> None:
            self.seen: list[str] = []

        async def intercept_tool_call(
            self, params: CallToolRequestParams, ctx: Context, call_next: CallNext
        ) -> HandlerResult:
            self.seen.append(params.name)
            return text("closed") if params.name == "tells" else await call_next(ctx)

    shop = Shop()
    async with opened(make_app(server_of(tells, tells_data, extensions=[shop]))) as client:
        closed = await post(client, "tells", {"words": "my"})
        data = await post(client, "tells_data")
        async with connected(client, "modern") as mcp:
            assert (await answered(mcp, "tells_data", {}))["content"][0]["text"].startswith("{")

    assert closed.json() == {"result": "closed"}
    assert data.json() == {"result": {"a": "secret", "b": [1]}}
    assert shop.seen == ["tells", "tells_data", "tells_data"]


async def test_overridden_call_tool_of_a_server_class_is_used(make_app: MakeApp) -> None:
    class Loud(MCPServer[Any]):
        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> CallToolResult:
            return text(f"{name.upper()} {arguments}")

    loud = Loud("one")
    loud.add_tool(tells)
    async with opened(make_app(loud)) as client:
        answer = await post(client, "tells", {"words": "my"})

    assert answer.json() == {"result": "TELLS {'words': 'my'}"}
