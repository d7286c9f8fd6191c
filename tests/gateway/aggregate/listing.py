"""Servers with something in each list, and servers whose lists fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import (
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    Resource,
    ResourceTemplate,
    Tool,
)

from gateway.sdk.internals import low_level

List = Callable[[Any, Any], Any]
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
FIRST: dict[str, Any] = {
    "tools/list": ListToolsResult(tools=[Tool(name="who", input_schema={"type": "object"})]),
    "prompts/list": ListPromptsResult(prompts=[Prompt(name="greet")]),
    "resources/list": ListResourcesResult(resources=[Resource(name="note", uri="note://1")]),
    "resources/templates/list": ListResourceTemplatesResult(
        resource_templates=[ResourceTemplate(name="page", uri_template="page://{number}")]
    ),
}


def make(name: str, **options: Any) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(name, **options)

    @server.tool()
    async def who() -> str:
        return name

    server.prompt(name="greet")(lambda: f"hello of {name}")
    server.resource("note://1", name="note")(lambda: f"note of {name}")
    server.resource("page://{number}", name="page")(lambda number: f"page {number} of {name}")
    return server


def listing(name: str, answer: List) -> MCPServer[Any]:
    """Returns a server whose lists `answer` answers."""
    server = make(name)
    for method in LISTS:
        low_level(server).add_request_handler(method, PaginatedRequestParams, answer)
    return server


async def raises(ctx: Any, params: Any) -> Any:
    raise RuntimeError("secret")


async def refuses(ctx: Any, params: Any) -> Any:
    raise SystemExit("secret")


async def hangs(ctx: Any, params: Any) -> Any:
    await anyio.sleep_forever()


async def is_wrong(ctx: Any, params: Any) -> Any:
    return {key: [{"secret": 1}] for key in ("tools", "prompts", "resources", "resourceTemplates")}


async def is_no_list(ctx: Any, params: Any) -> Any:
    return dict.fromkeys(("tools", "prompts", "resources", "resourceTemplates"), "secret")


async def ignores_its_end(ctx: Any, params: Any) -> Any:
    with anyio.move_on_after(0.5):
        while True:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                if anyio.current_effective_deadline() < anyio.current_time():
                    raise


FAILING: list[List] = [raises, refuses, hangs, is_wrong, is_no_list, ignores_its_end]


async def listed(client: Any) -> list[str]:
    """Returns the names and the URIs of all lists."""
    tools = [tool.name for tool in (await client.list_tools()).tools]
    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    resources = [str(resource.uri) for resource in (await client.list_resources()).resources]
    templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
    return [*tools, *prompts, *resources, *templates]
