"""A server whose tools are cached: one result for all, one for each caller, and one that never is."""

from secrets import randbelow

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("dice")


@mcp.tool(meta={"cache": {"ttl": 60, "scope": "public"}})
async def roll(sides: int = 6) -> int:
    """Roll a die that shows the same to everybody for a minute."""
    return randbelow(sides) + 1


@mcp.tool(meta={"cache": {"ttl": 60}})
async def roll_mine(sides: int = 6) -> int:
    """Roll a die that shows the same to you for a minute."""
    return randbelow(sides) + 1


@mcp.tool()
async def roll_anew(sides: int = 6) -> int:
    """Roll a die."""
    return randbelow(sides) + 1
