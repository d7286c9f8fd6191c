"""A tool for every way in which a call can fail."""

# mypy: disable-error-code="no-untyped-def"

import sys
from collections.abc import Callable
from typing import Any

from kinds_ran import ran
from kinds_values import Person
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

SECRET = "the password is 1234"


async def says_no(reason: str) -> str:
    ran("says_no")
    raise ToolError(reason)


def says_no_in_a_thread(reason: str) -> str:
    ran("says_no_in_a_thread")
    raise ToolError(reason)


async def says_no_with_context(reason: str, ctx: Context) -> str:
    ran("says_no_with_context")
    raise ToolError(reason)


async def resource_says_no() -> str:
    ran("resource_says_no")
    raise ResourceError("no such resource")


async def protocol_says_no() -> str:
    ran("protocol_says_no")
    raise MCPError(-32050, "not at this time", {"retry": 1})


async def protocol_says_no_with_context(ctx: Context) -> str:
    ran("protocol_says_no_with_context")
    raise MCPError(-32050, "not at this time", {"retry": 1})


async def own_error() -> CallToolResult:
    ran("own_error")
    return CallToolResult(
        content=[TextContent(type="text", text="no"), TextContent(type="text", text="not so")], is_error=True
    )


async def own_error_with_data() -> CallToolResult:
    ran("own_error_with_data")
    return CallToolResult(content=[TextContent(type="text", text="no")], structured_content={"a": 1}, is_error=True)


async def crashes() -> str:
    ran("crashes")
    raise RuntimeError(SECRET)


def crashes_in_a_thread() -> str:
    ran("crashes_in_a_thread")
    raise RuntimeError(SECRET)


async def crashes_with_context(ctx: Context) -> str:
    ran("crashes_with_context")
    raise RuntimeError(SECRET)


async def invalid_inside(value: str) -> str:
    """Fails a validation in its body, which is a crash of the tool and not an error of the caller."""
    ran("invalid_inside")

    class Whole(BaseModel):
        whole: int

    return Whole.model_validate({"whole": value}).model_dump_json()


async def exits() -> str:
    ran("exits")
    sys.exit(SECRET)


def exits_in_a_thread() -> str:
    ran("exits_in_a_thread")
    sys.exit(SECRET)


async def exits_with_context(ctx: Context) -> str:
    ran("exits_with_context")
    sys.exit(SECRET)


async def wrong_output() -> int:
    ran("wrong_output")
    return SECRET  # type: ignore[return-value]


async def wrong_output_with_context(ctx: Context) -> Person:
    ran("wrong_output_with_context")
    return SECRET  # type: ignore[return-value]


async def no_text() -> bytes:
    ran("no_text")
    return b"\xff"


async def times_out() -> str:
    ran("times_out")
    raise TimeoutError(SECRET)


async def calls_a_crash(ctx: Context) -> str:
    ran("calls_a_crash")
    await ctx.mcp_server.call_tool("crashes", {}, ctx)
    return "not here"


async def survives_a_crash(ctx: Context) -> CallToolResult:
    """Returns an error result after the tool that it called has crashed."""
    ran("survives_a_crash")
    try:
        await ctx.mcp_server.call_tool("crashes", {}, ctx)
    except ToolError:
        return CallToolResult(content=[TextContent(type="text", text="the other one crashed")], is_error=True)
    return CallToolResult(content=[])


FAILURES: list[Callable[..., Any]] = [
    *(says_no, says_no_in_a_thread, says_no_with_context, resource_says_no, protocol_says_no),
    *(protocol_says_no_with_context, own_error, own_error_with_data, crashes, crashes_in_a_thread),
    *(crashes_with_context, invalid_inside, exits, exits_in_a_thread, exits_with_context, wrong_output),
    *(wrong_output_with_context, no_text, times_out, calls_a_crash, survives_a_crash),
]
