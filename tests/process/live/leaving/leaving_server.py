"""Tools that leave something behind in the event loop of the process."""

import asyncio
import sys

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("leaving")
_left: set["asyncio.Task[None]"] = set()


@mcp.tool()
async def add_tool(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool()
async def leave_tool(kind: str) -> str:
    """Leave a task behind that raises what ends a process."""

    async def later() -> None:
        raise KeyboardInterrupt if kind == "interrupt" else SystemExit(3)

    if kind == "callback":
        asyncio.get_running_loop().call_soon(sys.exit, 3)
    else:
        _left.add(asyncio.create_task(later()))
    return "left"


@mcp.tool()
async def raise_tool(kind: str) -> str:
    """Raise what ends a process."""
    raise KeyboardInterrupt if kind == "interrupt" else SystemExit(3)


@mcp.tool()
async def end_tool() -> str:
    """Cancel the task that runs the lifespan of the application."""
    for task in asyncio.all_tasks():
        if "LifespanOn.main" in repr(task.get_coro()):
            task.cancel()
    return "ended"
