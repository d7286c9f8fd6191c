"""A server with cached tools: one result for all callers, one for each caller, and one tool without caching."""

from secrets import randbelow

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("dice")


@mcp.tool(meta={"cache": {"ttl": 60, "scope": "public"}})
async def roll(sides: int = 6) -> int:
    """Roll a die. All callers get the same result for a minute."""
    return randbelow(sides) + 1


@mcp.tool(meta={"cache": {"ttl": 60}})
async def roll_mine(sides: int = 6) -> int:
    """Roll a die. Each caller gets the same result for a minute."""
    return randbelow(sides) + 1


@mcp.tool()
async def roll_uncached(sides: int = 6) -> int:
    """Roll a die."""
    return randbelow(sides) + 1
