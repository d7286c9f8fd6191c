"""A trivial tool whose results are cached."""

from mcp.server import MCPServer

mcp = MCPServer("bench")


@mcp.tool(meta={"cache": {"ttl": 3600, "scope": "public"}})
async def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
