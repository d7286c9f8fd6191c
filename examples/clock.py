"""A server that is a program of its own, as most are: `examples/mcp.json` starts it."""

from datetime import UTC, datetime, timedelta

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("clock")


@mcp.tool()
async def now(hours: float = 0) -> str:
    """Tell the time, so many hours east of Greenwich."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%H:%M:%S")


if __name__ == "__main__":
    mcp.run()
