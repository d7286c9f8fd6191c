"""The tools of each of the five servers: a quick one, a slow one, and one that reports the state of the process."""

import asyncio
import gc
import os
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer


async def quick_tool(text: str) -> str:
    return text


async def slow_tool(text: str) -> str:
    await anyio.sleep(60)
    return text


async def state_tool() -> dict[str, int]:
    """Returns the number of tasks and open files, and the memory of the process in KiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])  # noqa: ASYNC240
    return {
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "memory": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
    }


def server(name: str) -> MCPServer[None]:
    mcp: MCPServer[None] = MCPServer(name)
    for tool in (quick_tool, slow_tool, state_tool):
        mcp.add_tool(tool)
    return mcp
