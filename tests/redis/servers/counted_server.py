"""Tools that note in a file each time that they run, and in which process."""

import asyncio
import os
from pathlib import Path

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("counted")


def note(name: str) -> None:
    with Path(os.environ["RAN"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


@mcp.tool(meta={"cache": {"ttl": 600, "scope": "public"}})
async def slow(name: str) -> str:
    """Take as long as this process is told to, and say the name."""
    note(name)
    await asyncio.sleep(float(os.environ["SECONDS"]))
    return name


@mcp.tool(meta={"cache": {"ttl": 600, "scope": "public"}})
def blocking(name: str) -> str:
    """The same at once, in a thread."""
    note(name)
    return name
