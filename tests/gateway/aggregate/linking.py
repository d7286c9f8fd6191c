"""Servers with the same URIs, which appear wherever a server can send one."""

from __future__ import annotations

from typing import Any

from mcp.server.apps import Apps
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    CallToolResult,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    EmbeddedResource,
    EmptyResult,
    ResourceLink,
    SamplingMessage,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    ToolResultContent,
    ToolUseContent,
)

from gateway.sdk.internals import low_level

UI, SKILL, URN, PLAIN, WEB, OWN_WEB = (
    "ui://clock/app.html",
    "skill://pdf/SKILL.md",
    "urn:isbn:1",
    "notes",
    "https://example.com/page",
    "https://example.com/own",
)
TEMPLATE = "db://{table}{?page}"
URIS = [UI, SKILL, URN, PLAIN, OWN_WEB]


def link(uri: str) -> ResourceLink:
    return ResourceLink(type="resource_link", name="link", uri=uri)


def embedded(uri: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, text=f"see {UI}"))


def make(name: str) -> MCPServer[Any]:
    apps = Apps()
    apps.add_html_resource(UI, f"ui of {name}")

    @apps.tool(resource_uri=UI, meta={"ui/resourceUri": UI, "other": {"resourceUri": UI}})
    async def show() -> str:
        return "shown"

    server: MCPServer[Any] = MCPServer(name, extensions=[apps])
    for uri in (SKILL, URN, PLAIN, OWN_WEB):
        server.resource(uri, name=uri)(lambda: f"text of {name}")
    server.resource(TEMPLATE, name="rows")(lambda table, page="1": f"{table} {page} of {name}")

    _add_tools(server)

    @server.prompt()
    def explain() -> list[UserMessage]:
        return [UserMessage(content) for content in (link(SKILL), embedded(UI), link(WEB))]

    _subscribable(server)
    return server


def _add_tools(server: MCPServer[Any]) -> None:
    @server.tool()
    async def links() -> CallToolResult:
        content: list[ContentBlock] = [
            TextContent(type="text", text=f"see {UI} and {WEB}"),
            *(link(SKILL), embedded(UI), link("db://cats")),
            *(link(uri) for uri in (WEB, OWN_WEB, "data:,hi", "HTTPS://example.com/x")),
        ]
        meta: Any = {"ui": {"resourceUri": UI}}
        return CallToolResult(content=content, structured_content={"uri": UI, "content": [UI]}, _meta=meta)

    @server.tool()
    async def ask(ctx: Context[Any, Any]) -> str:
        use = ToolUseContent(type="tool_use", id="1", name="x", input={"uri": UI})
        used = ToolResultContent(type="tool_result", tool_use_id="1", content=[link(SKILL), link(WEB)])
        messages = [SamplingMessage(role="assistant", content=[use]), SamplingMessage(role="user", content=[used])]
        request = CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=1))
        await ctx.session.send_request(request, CreateMessageResult)
        return "asked"

    @server.tool()
    async def update(ctx: Context[Any, Any]) -> None:
        await ctx.notify_resource_updated(SKILL)
        await ctx.session.send_resource_updated(OWN_WEB)


def _subscribable(server: MCPServer[Any]) -> None:
    """Lets clients subscribe. Each is told at once, over the session, that the resource was updated."""

    async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        await ctx.session.send_resource_updated(params.uri)
        return EmptyResult()

    low_level(server).add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
