"""Tools whose results no client could read, and the reasons that the log gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

SURROGATE = "caf\udce9"
"""A file name in Latin-1, as `os.listdir` returns it."""

NAN = float("nan")
LONG = 10**5000


class Point(BaseModel):
    x: float
    label: str | None = None


async def _later() -> str:
    return "late"


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _deep() -> Any:
    value: Any = 0
    for _ in range(5000):
        value = [value]
    return value


def _numbers() -> Any:
    yield 1


async def _numbers_later() -> Any:
    yield 1


MADE: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: SURROGATE, "surrogates not allowed"),
    "texts": (lambda: {"names": [SURROGATE]}, "surrogates not allowed"),
    "key": (lambda: {SURROGATE: 1}, "surrogates not allowed"),
    "nan": (lambda: NAN, "NaN"),
    "infinity": (lambda: {"values": [float("inf")]}, "infinity"),
    "long": (lambda: LONG, "more than 4300 digits"),
    "longs": (lambda: [{"a": -LONG}], "more than 4300 digits"),
    "circle": (_circle, "ircular"),
    "deep": (_deep, "deep"),
    "coroutine": (_later, "'_later', which was never awaited"),
    "generator": (_numbers, "generator '_numbers'"),
    "async-generator": (_numbers_later, "generator '_numbers_later'"),
    "object": (object, "<class 'object'>"),
    "objects": (lambda: {"a": [object()]}, "<class 'object'>"),
    "future": (lambda: asyncio.get_running_loop().create_future(), "Future"),
    "bytes": (lambda: b"\xff", "invalid utf-8"),
    "large": (lambda: "x" * 200_000, "MCP_MAX_RESULT is 100000"),
    "many": (lambda: ["x" * 100] * 2000, "MCP_MAX_RESULT is 100000"),
}
"""By the name that a tool takes as its argument: makes the value, and a part of the reason."""


async def unannotated(kind):  # type: ignore[no-untyped-def]
    return MADE[kind][0]()


async def anything(kind: str) -> Any:
    return MADE[kind][0]()


async def with_context(kind: str, ctx: Context[Any, Any]):  # type: ignore[no-untyped-def]
    return MADE[kind][0]()


async def typed_text() -> str:
    return SURROGATE


async def typed_number() -> float:
    return NAN


async def typed_long() -> int:
    return LONG


async def typed_model() -> Point:
    return Point(x=NAN)


async def typed_list() -> list[float]:
    return [1.0, float("-inf")]


async def typed_coroutine() -> str:
    return _later()  # type: ignore[return-value]


async def content() -> TextContent:
    return TextContent(type="text", text=SURROGATE)


async def contents() -> list[Any]:
    return [Image(data=b"a", format="png"), SURROGATE]


async def own_result() -> CallToolResult:
    return CallToolResult(content=[], structured_content={"a": NAN})


async def own_meta() -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="a")], _meta={"a": SURROGATE})


async def tool_error() -> str:
    raise ToolError(SURROGATE)


async def protocol_error() -> str:
    raise MCPError(-32050, SURROGATE)


async def progress(ctx: Context[Any, Any]) -> str:
    await ctx.report_progress(NAN, 1)
    return ""


async def progress_text(ctx: Context[Any, Any]) -> str:
    await ctx.report_progress(1, 1, SURROGATE)
    return ""


async def logs(ctx: Context[Any, Any]) -> str:
    await ctx.log("info", {"name": SURROGATE})
    return ""


async def asks(ctx: Context[Any, Any]) -> str:
    await ctx.elicit(SURROGATE, Point)
    return ""


TYPED = (
    *(typed_text, typed_number, typed_long, typed_model, typed_list, typed_coroutine),
    *(content, contents, own_result, own_meta),
)
SAYING = (tool_error, protocol_error, progress, progress_text, asks)
