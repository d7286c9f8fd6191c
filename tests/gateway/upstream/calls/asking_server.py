"""A server of the SDK whose tools ask their client, each in the way of either era.

It speaks at `/mcp` of a free port, which it prints; with the argument `stdio`, over standard input and output.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmptyResult,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    TextContent,
)
from pydantic import BaseModel

from tests.gateway.upstream.http.sdk_server import serve

mcp = MCPServer("asking", log_level="CRITICAL")
seen: dict[str, Any] = {"runs": 0, "cancelled": 0, "waiting": 0}


class Name(BaseModel):
    name: str


FORM = ElicitRequestFormParams(message="Who?", requested_schema=Name.model_json_schema())
MESSAGES = [SamplingMessage(role="user", content=TextContent(type="text", text="Hello"))]
SAMPLE = CreateMessageRequestParams(messages=MESSAGES, max_tokens=9)


def capabilities(ctx: Context) -> dict[str, Any]:
    found = ctx.session.client_capabilities
    return found.model_dump(by_alias=True, exclude_none=True, mode="json") if found is not None else {}


def is_modern(ctx: Context) -> bool:
    return bool(ctx.session.protocol_version >= "2026")


@mcp.tool()
async def elicit(ctx: Context, greeting: str = "Hello") -> str | InputRequiredResult:
    """Greets whom the client names."""
    seen["runs"] += 1
    if not is_modern(ctx):
        try:
            answer = await ctx.session.elicit_form("Who?", Name.model_json_schema(), ctx.request_id)
        except asyncio.CancelledError:
            seen["cancelled"] += 1
            raise
        except MCPError as exc:
            return f"refused: {exc.error.code}"
        return f"{greeting} {answer.content['name']}" if answer.content else answer.action
    if not ctx.input_responses:
        return InputRequiredResult(
            input_requests={"who": ElicitRequest(params=FORM)}, request_state=f"asked {greeting}"
        )
    given: Any = ctx.input_responses["who"]
    assert ctx.request_state == f"asked {greeting}"
    return f"{greeting} {given.content['name']}" if given.content else str(given.action)


@mcp.tool()
async def sample(ctx: Context) -> str | InputRequiredResult:
    if not is_modern(ctx):
        answer: Any = await ctx.session.create_message(MESSAGES, max_tokens=9, related_request_id=ctx.request_id)
        return str(answer.content.text)
    if not ctx.input_responses:
        return InputRequiredResult(input_requests={"model": CreateMessageRequest(params=SAMPLE)})
    given: Any = ctx.input_responses["model"]
    return str(given.content.text)


@mcp.tool()
async def roots(ctx: Context) -> str | InputRequiredResult:
    if not is_modern(ctx):
        answer = await ctx._request_context.session._request_outbound.send_raw_request("roots/list", None)  # type: ignore[union-attr]
        return str(answer["roots"][0]["uri"])
    if not ctx.input_responses:
        return InputRequiredResult(input_requests={"roots": ListRootsRequest()})
    given: Any = ctx.input_responses["roots"]
    return str(given.roots[0].uri)


@mcp.tool()
async def several(ctx: Context) -> int:
    """Asks two things at once, of which the second arrives a little later. Returns the number of answers."""

    async def later() -> Any:
        await asyncio.sleep(0.01)
        return await ctx.session.create_message(MESSAGES, max_tokens=9, related_request_id=ctx.request_id)

    first = ctx.session.elicit_form("Who?", Name.model_json_schema(), ctx.request_id)
    return len(await asyncio.gather(first, later()))


@mcp.tool()
async def beside(ctx: Context) -> str:
    """Asks on the stream of the session, as most servers of the era of sessions ask for a sample."""
    try:
        answer: Any = await ctx.session.create_message(MESSAGES, max_tokens=9)
    except MCPError as exc:
        return f"refused: {exc.error.code}"
    return str(answer.content.text)


@mcp.tool()
async def asks_for_ever(ctx: Context) -> InputRequiredResult:
    seen["runs"] += 1
    return InputRequiredResult(input_requests={"who": ElicitRequest(params=FORM)}, request_state="again")


@mcp.tool()
async def declared(ctx: Context) -> dict[str, Any]:
    return capabilities(ctx)


@mcp.tool()
async def counts() -> dict[str, Any]:
    return seen


@mcp.tool()
async def logs(ctx: Context) -> str:
    for level in ("debug", "warning"):
        await ctx.session.send_log_message(level, f"a {level}", related_request_id=ctx.request_id)
    await ctx.report_progress(1, 2, "half")
    return "logged"


async def take_level(ctx: ServerRequestContext[Any, Any], params: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()


mcp._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, take_level)


def main() -> None:
    if sys.argv[1:] == ["stdio"]:
        mcp.run("stdio")
        return
    serve(mcp.streamable_http_app(), 0)


if __name__ == "__main__":
    main()
