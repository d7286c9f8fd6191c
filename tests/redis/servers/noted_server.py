"""Tools that note their runs in a file. One says that it only reads."""

from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

mcp = MCPServer("noted")


@mcp.tool()
async def writes(seconds: float, note: str) -> str:
    """Note the run, then wait."""
    return await _noted(seconds, note)


@mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
async def reads(seconds: float, note: str) -> str:
    """Note the run, then wait."""
    return await _noted(seconds, note)


async def _noted(seconds: float, note: str) -> str:
    _write(note)
    await anyio.sleep(seconds)
    return "noted"


def _write(note: str) -> None:
    with Path(note).open("a") as file:
        file.write("began\n")
