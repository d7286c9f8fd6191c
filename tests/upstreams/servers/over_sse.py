"""A server of the SDK 1.x over the transport of 2024, at `/sse` of the port that is its argument."""

import sys
import time

from mcp.server.fastmcp import Context, FastMCP  # type: ignore[attr-defined]

mcp = FastMCP("old", port=int(sys.argv[1]), log_level="ERROR")


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


async def count(ctx: Context) -> str:
    """Report progress."""
    for step in range(3):
        await ctx.report_progress(step, 3)
    return "counted"


def sleep(seconds: float) -> str:
    """Block the server."""
    time.sleep(seconds)
    return "slept"


if __name__ == "__main__":
    for tool in (double, count, sleep):
        mcp.tool()(tool)
    mcp.run("sse")
