"""Tools whose names, descriptions and results are markup, very long, or numbers that JavaScript changes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import Field

QUOTED = """it's $HOME `id` \\ {"a":1,"b": [2, 3]} é"""
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
failing = anyio.Event()


@asynccontextmanager
async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail)
        yield
        tasks.cancel_scope.cancel()


async def fail() -> None:
    await failing.wait()
    raise RuntimeError(MARKUP)


mcp = MCPServer("hostile", lifespan=lifespan)


@mcp.tool(name=MARKUP, description=f"{MARKUP} `{MARKUP}` &lt;b&gt;")
async def marked(given: Annotated[str, Field(description=MARKUP, examples=[MARKUP])], kind: Literal["<b>"]) -> str:
    return f"{given}{kind}"


@mcp.tool()
async def large(number: Annotated[int, Field(examples=[2**63 - 1], le=2**63 - 1)]) -> list[Any]:
    """Returns the number, and others that a double cannot hold or would write otherwise."""
    return [number, 2**53 + 1, 1.0]


@mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
async def quoted(text: Annotated[str, Field(examples=[QUOTED])]) -> str:
    return text


@mcp.tool()
async def ends() -> None:
    """Ends this server."""
    failing.set()


async def _long(**values: int) -> None: ...


_long.__name__ = "long"
_long.__doc__ = "First line.\n\n" + "A line of a long description.\n" * 300
_long.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter(
            f"argument_{number}",
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[int, Field(description="A long text. " * 20)],
        )
        for number in range(80)
    ]
)
mcp.add_tool(_long)
