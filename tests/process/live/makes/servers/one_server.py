"""A server made with FastMCP 4, and its tools, which are those of the low-level server of the contract tests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_http_headers
from fastmcp.utilities.types import Image
from mcp.shared.exceptions import MCPError

SECRET = "the secret of 1234"
seen: list[str] = []


@asynccontextmanager
async def lifespan(server: Any) -> AsyncIterator[dict[str, Any]]:
    seen.append("opened")
    yield {"greeting": "hello"}


mcp: Any = FastMCP("one", lifespan=lifespan)


class Watch:
    """A middleware of the author."""

    async def __call__(self, context: Any, call_next: Any) -> Any:
        if context.method == "tools/call":
            seen.append(f"before {context.message.name}")
        return await call_next(context)


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def say(text: str) -> str:
    return text


async def data() -> dict[str, Any]:
    return {"a": [1, 2]}


async def picture() -> Image:
    return Image(data=b"\x89PNG\r\n\x1a\n", format="png")


async def steps(count: int, ctx: Context) -> str:
    for step in range(count):
        await ctx.report_progress(step + 1, count)
    await ctx.info("done soon")
    return "done"


async def asks(ctx: Context) -> str:
    answer: Any = await ctx.elicit("How big?", response_type=int)
    return f"{answer.action} {getattr(answer, 'data', None)}"


async def greets(ctx: Context) -> str:
    return str(ctx.lifespan_context["greeting"])


async def header() -> str:
    return str(get_http_headers().get("x-colour"))


async def says_no() -> str:
    raise ToolError("not today")


async def protocol_says_no() -> str:
    raise MCPError(-32050, "not at this time")


async def crashes() -> str:
    raise RuntimeError(SECRET)


def exits() -> str:
    raise SystemExit(SECRET)


async def is_no_json() -> str:
    return f"\ud800 {SECRET}"


async def is_large() -> str:
    return "x" * 100_000


def sleeps(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def noted(note: str, line: str) -> None:
    with Path(note).open("a") as file:
        file.write(f"{line}\n")


async def waits(note: str) -> str:
    noted(note, "began")
    try:
        await anyio.sleep(60)
    finally:
        noted(note, "cancelled")
    return ""


async def seen_since() -> list[str]:
    """Return what was seen since the last call of this tool."""
    names = [*seen]
    seen.clear()
    return names


async def adds_a_tool() -> str:
    async def later_tool() -> dict[str, bool]:
        return {"later": True}

    mcp.add_tool(later_tool)
    return "added"


def note() -> str:
    return "the note"


def broken() -> str:
    raise RuntimeError(SECRET)


TOOLS: list[Any] = [add, say, data, picture, steps, asks, greets, header, says_no, protocol_says_no, crashes, exits]
TOOLS += [is_no_json, is_large, sleeps, waits, seen_since, adds_a_tool]
for tool in TOOLS:
    mcp.tool(tool)
mcp.resource("note://one")(note)
mcp.resource("note://broken")(broken)
mcp.prompt(note)
mcp.prompt(broken)
mcp.add_middleware(Watch())
mcp.run()
