"""A server of the SDK in a process of its own, which speaks both eras at `/mcp`. It prints its port."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Annotated

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import Field
from starlette.types import ASGIApp

mcp = MCPServer("there", instructions="Be quick.", log_level="CRITICAL")
seen = {"calls": 0, "cancelled": 0, "asleep": 0}


@mcp.tool()
def add(a: int, b: int) -> int:
    seen["calls"] += 1
    return a + b


@mcp.tool()
async def count_to(number: int, ctx: Context) -> str:
    for step in range(number):
        await ctx.report_progress(step, number, f"step {step}")
    return "done"


@mcp.tool()
async def sleep(seconds: float) -> str:
    seen["asleep"] += 1
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        seen["cancelled"] += 1
        raise
    finally:
        seen["asleep"] -= 1
    return "slept"


@mcp.tool()
def counts() -> dict[str, int]:
    return seen


@mcp.tool()
def headers(ctx: Context) -> dict[str, str]:
    return dict(ctx.headers or {})


@mcp.tool()
def session(ctx: Context) -> str:
    return (ctx.headers or {}).get("mcp-session-id", "")


@mcp.tool()
def echo(text: str) -> str:
    return text


@mcp.tool()
def where(place: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Place"})]) -> str:
    return place


@mcp.tool()
async def grow(ctx: Context) -> str:
    await ctx.notify_tools_changed()
    return "grown"


@mcp.tool()
def big(size: int) -> str:
    return "x" * size


def serve(app: ASGIApp, port: int) -> None:
    """Serves at a port, 0 for a free one, and prints it."""
    # asyncio sends small answers at once only if the protocol of the listening socket is named.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(mcp.streamable_http_app(), int(sys.argv[1]) if len(sys.argv) > 1 else 0)
