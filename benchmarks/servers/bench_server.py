"""The tools every target answers with: ours, the SDK's own app and the naive control serve this one module."""

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
    """Give the text back."""
    return text
