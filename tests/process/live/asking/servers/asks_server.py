"""Tools that ask for a size: by the result itself, by a resolver, and in mid-call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel

mcp = MCPServer("asks")
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}


class Size(BaseModel):
    size: int


@mcp.tool()
async def by_result(dish: str, ctx: Context[Any, Any]) -> InputRequiredResult | str:
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message=f"How big a {dish}?", requested_schema=SCHEMA)
        return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)}, request_state="mine")
    answer: Any = ctx.input_responses["size"].model_dump(mode="json", by_alias=True)
    return f"{dish} of size {answer['content']['size']}"


async def _ask(dish: str) -> Elicit[Size]:
    return Elicit(f"How big a {dish}?", Size)


@mcp.tool()
async def by_resolver(dish: str, size: Annotated[Size, Resolve(_ask)]) -> str:
    return f"{dish} of size {size.size}"


async def _asked(dish: str, ctx: Context[Any, Any]) -> int:
    answer: Any = await ctx.elicit(f"How big a {dish}? {os.getpid()} waits.", Size)
    return answer.data.size if answer.action == "accept" else 0


@mcp.tool()
async def in_body(dish: str, ctx: Context[Any, Any]) -> str:
    return f"{dish} of size {await _asked(dish, ctx)}"


@mcp.tool()
async def in_body_and_waits(dish: str, seconds: float, note: str, ctx: Context[Any, Any]) -> str:
    """Wait after the answer, and write what happens to the file `note`."""
    await _asked(dish, ctx)
    _write(note, f"began {os.getpid()}")
    try:
        await anyio.sleep(seconds)
    except BaseException:
        _write(note, "cancelled")
        raise
    return "waited"


@mcp.tool()
async def pid() -> int:
    return os.getpid()


def _write(note: str, line: str) -> None:
    with Path(note).open("a") as file:
        file.write(line + "\n")
