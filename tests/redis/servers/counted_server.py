"""Tools that write a line to a file each time they run."""

import asyncio
import os
from pathlib import Path

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("counted")


def write_run(name: str) -> None:
    with Path(os.environ["RAN"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


@mcp.tool(meta={"cache": {"ttl": 600, "scope": "public"}})
async def slow(name: str) -> str:
    """Waits as long as the environment says, and returns the name."""
    write_run(name)
    await asyncio.sleep(float(os.environ["SECONDS"]))
    return name


@mcp.tool(meta={"cache": {"ttl": 600, "scope": "public"}})
def blocking(name: str) -> str:
    """Returns the name at once, in a thread."""
    write_run(name)
    return name
