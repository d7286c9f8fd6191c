"""A server with two versions of one tool. Calls that ask for none get the second."""

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("library")
TITLES = ("A Room of One's Own", "The Left Hand of Darkness", "The Name of the Rose")
DEPRECATED = {"since": "2026-12-01", "sunset": "2099-06-01", "use": "2", "why": "It returns one title as text."}


@mcp.tool(meta={"version": "1.0.0", "versions_of": "search", "deprecated": DEPRECATED})
async def search_v1(words: str) -> str:
    """Find a title."""
    return next((title for title in TITLES if words.lower() in title.lower()), "")


@mcp.tool(meta={"version": "2.1.0", "versions_of": "search"})
async def search_v2(words: str, limit: int = 10) -> list[str]:
    """Find titles."""
    return [title for title in TITLES if words.lower() in title.lower()][:limit]
