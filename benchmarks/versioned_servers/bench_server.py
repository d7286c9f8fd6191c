"""A trivial tool with two versions, of which a route gives every caller the newer one."""

from mcp.server import MCPServer

mcp = MCPServer("bench")


@mcp.tool(meta={"version": "1.0.0", "versions_of": "add"})
async def add_before(a: int, b: int) -> int:
    """Add two whole numbers."""
    return b + a


@mcp.tool(meta={"version": "2.0.0", "versions_of": "add"})
async def add_now(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
