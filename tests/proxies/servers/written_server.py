"""Tools that write to a file, at their begin or at their end, and take a while."""

from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

mcp = MCPServer("written")
SECONDS = 0.06


@mcp.tool()
async def writes_first(file: str, line: str) -> str:
    """Write, then wait."""
    _write(file, line)
    await anyio.sleep(SECONDS)
    return line


@mcp.tool()
async def writes_last(file: str, line: str) -> str:
    """Wait, then write."""
    await anyio.sleep(SECONDS)
    _write(file, line)
    return line


@mcp.tool(annotations=ToolAnnotations(idempotent_hint=True))
async def sets(file: str, line: str) -> str:
    """Wait, then write what may be written twice without harm."""
    await anyio.sleep(SECONDS)
    _write(file, line)
    return line


def _write(file: str, line: str) -> None:
    with Path(file).open("a") as opened:
        opened.write(line + "\n")
