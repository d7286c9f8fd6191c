"""The server that the official conformance suite exercises: one of everything in MCP."""

from typing import Any

from everything_backchannel import BACKCHANNEL_TOOLS
from everything_prompts import PROMPTS
from everything_resources import RESOURCES, TEMPLATE, template_data
from everything_rounds import ROUND_TOOLS
from everything_tools import SCHEMA_2020_12, TOOLS, json_schema_2020_12_tool
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    EmptyResult,
    PromptReference,
    RequestParams,
    ResourceTemplateReference,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)


def with_schema(tool: Tool, schema: dict[str, Any]) -> Tool:
    """Returns the tool with a hand-written schema, since pydantic cannot express all of JSON Schema."""
    return tool.model_copy(update={"parameters": schema})


mcp = MCPServer(
    "everything",
    version="1.0.0",
    tools=[
        *(Tool.from_function(function) for function in [*TOOLS, *BACKCHANNEL_TOOLS, *ROUND_TOOLS]),
        with_schema(Tool.from_function(json_schema_2020_12_tool), SCHEMA_2020_12),
    ],
    resources=RESOURCES,
)
mcp.resource(TEMPLATE, mime_type="application/json")(template_data)
for prompt in PROMPTS:
    mcp.prompt()(prompt)


# The SDK has no types on this decorator.
@mcp.completion()  # type: ignore[no-untyped-call, untyped-decorator]
async def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    values = [name for name in ("paris", "park", "party") if name.startswith(argument.value)]
    return Completion(values=values, total=len(values), has_more=False)


async def accept(ctx: ServerRequestContext[Any, Any], params: RequestParams) -> EmptyResult:
    return EmptyResult()


# Removed in revision 2026-07-28, so MCPServer has no decorator for them. Clients up to 2025-11-25 send them.
LEGACY: dict[str, type[RequestParams]] = {
    "logging/setLevel": SetLevelRequestParams,
    "resources/subscribe": SubscribeRequestParams,
    "resources/unsubscribe": UnsubscribeRequestParams,
}
for method, params_type in LEGACY.items():
    mcp._lowlevel_server.add_request_handler(method, params_type, accept)
