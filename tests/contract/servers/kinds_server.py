"""A server with one of every kind of tool, for the contract test."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kinds_arguments import ARGUMENTS
from kinds_asking import ASKING
from kinds_content import CONTENT
from kinds_context import CONTEXT
from kinds_failures import FAILURES
from kinds_ran import ran_since
from kinds_values import VALUES
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool


@asynccontextmanager
async def lifespan(mcp: MCPServer[Any]) -> AsyncIterator[str]:
    yield "the state"


FUNCTIONS: list[Callable[..., Any]] = [ran_since, *VALUES, *CONTENT, *ARGUMENTS, *CONTEXT, *FAILURES, *ASKING]
mcp = MCPServer("kinds", tools=[Tool.from_function(function) for function in FUNCTIONS], lifespan=lifespan)
