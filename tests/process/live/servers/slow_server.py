"""Slow tools that write their progress to a file, and tools that end or load the process."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer

mcp = MCPServer("slow")


@mcp.tool()
async def wait_tool(seconds: float, note: str = "") -> str:
    """Wait, and write the begin and the outcome to the file `note`."""
    _write(note, "began")
    try:
        await anyio.sleep(seconds)
    except BaseException:
        _write(note, "cancelled")
        raise
    _write(note, "done")
    return "waited"


@mcp.tool()
def sleep_tool(seconds: float, note: str = "") -> str:
    """Sleep in a thread, which cannot be cancelled."""
    _write(note, "began")
    time.sleep(seconds)
    _write(note, "done")
    return "slept"


@mcp.tool()
async def pid_tool() -> int:
    """Return the id of the process, which is one of several workers."""
    return os.getpid()


@mcp.tool()
async def die_tool() -> None:
    """End the process as a fault in a library would."""
    os.kill(os.getpid(), signal.SIGKILL)


@mcp.tool()
async def crash_tool(message: str) -> str:
    """Raise an unexpected exception."""
    raise RuntimeError(message)


@mcp.tool()
async def steps_tool(count: int, ctx: Context[Any, Any]) -> str:
    """Report this number of steps, one after the other."""
    for step in range(count):
        await ctx.report_progress(step + 1, count)
    return "done"


@mcp.tool()
async def large_tool(size: int) -> str:
    """Return this number of characters."""
    await anyio.lowlevel.checkpoint()
    return "x" * size


def _write(note: str, line: str) -> None:
    if note:
        with Path(note).open("a") as file:
            file.write(line + "\n")
