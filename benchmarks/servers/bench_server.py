"""The tools of every target: the router, the SDK's application and the naive endpoint serve this module."""

from mcp.server import MCPServer

mcp = MCPServer("bench")


@mcp.tool()
async def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


@mcp.tool()
def add_sync(a: int, b: int) -> int:
    """Add two whole numbers, in a thread."""
    return a + b


@mcp.tool()
async def echo(text: str) -> str:
    """Return the text."""
    return text


if __name__ == "__main__":
    mcp.run()
