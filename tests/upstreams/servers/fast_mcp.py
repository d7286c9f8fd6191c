"""A server of FastMCP, for each version of which there is an environment."""

from fastmcp import FastMCP

mcp = FastMCP("fast")


@mcp.tool  # type: ignore[untyped-decorator]
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


if __name__ == "__main__":
    mcp.run(show_banner=False)
