"""One native MCP endpoint over all servers: their tools, prompts and resources under unambiguous names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import mcp_types as types
from mcp.server import Server as LowLevelServer
from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from starlette.types import ASGIApp

from gateway import VERSION
from gateway.aggregate import catalog
from gateway.aggregate.events import FanIn
from gateway.call import endpoint
from gateway.errors import UnknownTool
from gateway.local.native_calls import Access, unknown_tool
from gateway.sdk import internals as sdk
from gateway.sdk.sessions import Limits, session_manager
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.servers.unknown import Nowhere

Context = ServerRequestContext[Any, Any]
Result = dict[str, Any]


class Aggregate:
    """Each request goes to the server that it concerns, with the client's session: progress, log, sampling and
    elicitation reach the client as from that server's own endpoint, and the interceptors stand there."""

    def __init__(self, registry: Registry, names: Names, limits: Limits, access: Access | None = None) -> None:
        self._registry = registry
        self._names = names
        self._bus = FanIn(registry)
        self._server: LowLevelServer[Any] = LowLevelServer(
            "multi-mcp",
            version=VERSION,
            get_tool_input_schema=self._input_schema,
            on_subscriptions_listen=self._bus.listen,
        )
        self._add_handlers()
        self._manager = session_manager(self._server, limits)
        self.mcp: ASGIApp = StreamableHTTPASGIApp(self._manager)
        if access is not None:
            self._server.middleware.append(access.over(registry.names))
            self.mcp = access.endpoint(self.mcp, self._admit)

    def _add_handlers(self) -> None:
        add = self._server.add_request_handler
        add("tools/list", types.PaginatedRequestParams, self._list_tools)
        add("tools/call", types.CallToolRequestParams, self._call_tool)
        add("prompts/list", types.PaginatedRequestParams, self._list_prompts)
        add("prompts/get", types.GetPromptRequestParams, self._get_prompt)
        add("resources/list", types.PaginatedRequestParams, self._list_resources)
        add("resources/templates/list", types.PaginatedRequestParams, self._list_templates)
        add("resources/read", types.ReadResourceRequestParams, self._read_resource)
        if self._some_has("completion/complete"):
            add("completion/complete", types.CompleteRequestParams, self._complete)
        if self._some_has("resources/subscribe"):
            add("resources/subscribe", types.SubscribeRequestParams, self._to_owner_of_uri)
            add("resources/unsubscribe", types.UnsubscribeRequestParams, self._to_owner_of_uri)
        if self._some_has("logging/setLevel"):
            add("logging/setLevel", types.SetLevelRequestParams, self._set_level)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Entered after the servers are open, and left before they close."""
        sdk.trace_once(self._server.middleware)
        async with self._manager.run():
            yield

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._bus.listen.close()
        self._manager.end_streams()

    async def _list_tools(self, ctx: Context, params: Any) -> types.ListToolsResult:
        owned = await catalog.listed(self._registry, ctx, "tools/list", "tools")
        tools = {(server.name, tool["name"]): tool for server, tool in owned}
        table = self._names.table()
        named = [{**tools[key], "name": name} for name, key in table.items() if key in tools]
        return types.ListToolsResult.model_validate({"tools": named})

    async def _call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> Result | types.CallToolResult:
        endpoint.set("aggregate")
        server, tool = self._names.callee(params.name)
        if isinstance(server, Nowhere):
            return await unknown_tool(server, ctx)
        return await self._with_shared_uris(ctx, server, await self._forward(ctx, server, name=tool))

    async def _admit(self, name: str, arguments: dict[str, Any]) -> None:
        try:
            server, tool = self._names.locate(name)
        except UnknownTool:  # answered as any other that there is not
            return
        endpoint.set("aggregate")
        await self._registry[server].admit(tool, arguments)

    async def _list_prompts(self, ctx: Context, params: Any) -> types.ListPromptsResult:
        owned = catalog.named(await self._listed(ctx, "prompts/list", "prompts"))
        prompts = [{**prompt, "name": name} for name, (_, prompt) in owned.items()]
        return types.ListPromptsResult.model_validate({"prompts": prompts})

    async def _get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> Result:
        server, prompt = catalog.find_named(await self._listed(ctx, "prompts/list", "prompts"), params.name)
        return await self._with_shared_uris(ctx, server, await self._forward(ctx, server, name=prompt["name"]))

    async def _list_resources(self, ctx: Context, params: Any) -> types.ListResourcesResult:
        owned = await self._listed(ctx, "resources/list", "resources")
        return types.ListResourcesResult.model_validate({"resources": catalog.addressed(owned, "uri")})

    async def _list_templates(self, ctx: Context, params: Any) -> types.ListResourceTemplatesResult:
        owned = await self._listed(ctx, "resources/templates/list", "resourceTemplates")
        templates = catalog.addressed(owned, "uriTemplate")
        return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": templates})

    async def _read_resource(self, ctx: Context, params: types.ReadResourceRequestParams) -> Result:
        server, uri = await self._owner(ctx, params.uri)
        result = await self._forward(ctx, server, uri=uri)
        return dict(catalog.map_uris(result, {uri: params.uri}))

    async def _to_owner_of_uri(self, ctx: Context, params: Any) -> Result:
        server, uri = await self._owner(ctx, params.uri)
        return await self._forward(ctx, server, uri=uri)

    async def _complete(self, ctx: Context, params: types.CompleteRequestParams) -> Result:
        ref = params.ref
        if isinstance(ref, types.PromptReference):
            server, prompt = catalog.find_named(await self._listed(ctx, "prompts/list", "prompts"), ref.name)
            return await self._forward(ctx, server, ref={"type": ref.type, "name": prompt["name"]})
        server, uri = await self._owner(ctx, ref.uri)
        return await self._forward(ctx, server, ref={"type": ref.type, "uri": uri})

    async def _set_level(self, ctx: Context, params: Any) -> types.EmptyResult:
        for server in self._registry:
            if server.handles("logging/setLevel"):
                await self._forward(ctx, server)
        return types.EmptyResult()

    async def _forward(self, ctx: Context, server: Server, **changed: Any) -> Result:
        return dict(await server.forward(ctx, ctx.method, {**(ctx.params or {}), **changed}))

    async def _listed(self, ctx: Context, method: str, key: str) -> list[catalog.Owned]:
        return await catalog.listed(self._registry, replace(ctx, method=method), method, key)

    async def _owner(self, ctx: Context, uri: str) -> tuple[Server, str]:
        if (found := catalog.without_prefix(self._registry, uri)) is not None:
            return found
        resources = await self._listed(ctx, "resources/list", "resources")
        templates = await self._listed(ctx, "resources/templates/list", "resourceTemplates")
        return catalog.find_addressed(resources, templates, uri), uri

    async def _with_shared_uris(self, ctx: Context, server: Server, result: Result) -> Result:
        """A link in a result leads to the server that made it, also where another server has the same URI."""
        if not any(block.get("type") in ("resource", "resource_link") for block in result.get("content", [])):
            return result
        owned = await self._listed(ctx, "resources/list", "resources")
        change: Mapping[str, str] = {
            item["uri"]: listed["uri"]
            for (owner, item), listed in zip(owned, catalog.addressed(owned, "uri"), strict=True)
            if owner is server
        }
        return {**result, "content": catalog.map_uris(result["content"], change)}

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        try:
            server, tool = self._names.locate(name)
        except UnknownTool:
            return None
        return next((info["inputSchema"] for info in self._registry[server].tools() if info["name"] == tool), None)

    def _some_has(self, method: str) -> bool:
        return any(server.handles(method) for server in self._registry)
