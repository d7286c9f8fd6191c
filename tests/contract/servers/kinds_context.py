"""Tools that use `Context`, and tools that change their server."""

from collections.abc import Callable
from typing import Any

from kinds_ran import ran
from mcp.server.mcpserver import Context, Image


async def reports(steps: int, ctx: Context) -> str:
    ran("reports")
    for step in range(steps):
        await ctx.report_progress(step + 1, steps, f"step {step + 1}")
    await ctx.log("info", {"steps": steps}, logger_name="kinds")
    return "done"


def reports_in_a_thread(ctx: Context) -> str:
    ran("reports_in_a_thread")
    return str(ctx.headers is not None)


async def with_image(ctx: Context) -> list:  # type: ignore[type-arg]
    ran("with_image")
    return [Image(data=b"\x89PNG", format="png")]


async def bare_with_context(count: int, ctx: Context) -> list:  # type: ignore[type-arg]
    ran("bare_with_context")
    return ["text", 2, None][:count]


async def lifespan_state(ctx: Context) -> Any:
    ran("lifespan_state")
    return ctx.request_context.lifespan_context


async def calls_another(a: int, ctx: Context) -> Any:
    ran("calls_another")
    result = await ctx.mcp_server.call_tool("sync_add", {"a": a, "b": 1}, ctx)
    return result.model_dump(mode="json", exclude_none=True, by_alias=True)["structuredContent"]


async def adds_a_tool(name: str, ctx: Context) -> None:
    ran("adds_a_tool")

    def added(a: int) -> int:
        ran(name)
        return a * 2

    ctx.mcp_server.add_tool(added, name=name)


async def removes_a_tool(name: str, ctx: Context) -> None:
    ran("removes_a_tool")
    ctx.mcp_server._tool_manager.remove_tool(name)


CONTEXT: list[Callable[..., Any]] = [
    *(reports, reports_in_a_thread, with_image, bare_with_context, lifespan_state, calls_another),
    *(adds_a_tool, removes_a_tool),
]
