"""One native MCP endpoint over all servers: their tools, prompts and resources under unambiguous names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import RequestHandler
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from pydantic import BaseModel
from starlette.types import ASGIApp

from gateway import VERSION
from gateway.aggregate import catalog
from gateway.aggregate.events import ServerEvents
from gateway.aggregate.unknown_tool import unknown_tool
from gateway.call import endpoint
from gateway.errors import GatewayError
from gateway.sdk.aggregate_server import AggregateServer
from gateway.sdk.legacy_sessions import LegacySessions
from gateway.sdk.native import Access, refuse_unsendable
from gateway.sdk.openings import bound_listen
from gateway.sdk.raw_json import raw_json
from gateway.sdk.sessions import Limits, openings_at, session_manager
from gateway.sdk.tool_list import ToolList, no_tools
from gateway.sdk.tracing import trace_once
from gateway.server import Callee, Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.servers.unknown import UnknownTarget

Context = ServerRequestContext[Any, Any]
Result = dict[str, Any]


class Aggregate:
    """Forwards each request to its server with the client's session.

    Progress, log messages, sampling and elicitation reach the client as from that server's own endpoint, and the
    interceptors act there.
    """

    def __init__(self, registry: Registry, names: Names, limits: Limits, access: Access | None = None) -> None:
        self._registry = registry
        self._names = names
        self._events = ServerEvents(registry)
        self._sessions = LegacySessions()
        self._server = AggregateServer(
            "multi-mcp",
            version=VERSION,
            get_tool_input_schema=self._input_schema,
            on_list_tools=no_tools,
            on_subscriptions_listen=self._events.listen,
        )
        serve = self._server.add_request_handler
        serve("tools/call", types.CallToolRequestParams, self._call_tool)
        serve("prompts/list", types.PaginatedRequestParams, self._list_prompts)
        serve("prompts/get", types.GetPromptRequestParams, self._get_prompt)
        serve("resources/list", types.PaginatedRequestParams, self._list_resources)
        serve("resources/templates/list", types.PaginatedRequestParams, self._list_templates)
        serve("resources/read", types.ReadResourceRequestParams, self._read_resource)
        self._server.middleware += [refuse_unsendable, self._sessions]
        openings = openings_at("", lambda who: bool(registry.names_used() or not [*registry]), limits)
        self._end_listening = bound_listen(self._server, openings)
        self._manager = session_manager(self._server, limits, openings)
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)
        if access is not None:
            self._server.middleware.append(access.over(lambda: [server.name for server in registry]))
            self.app = access.endpoint(self.app, self._find, "aggregate")
        self._server.middleware.append(ToolList(self._server, self._list_tools))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Entered after the servers are open, and left before they close."""
        trace_once(self._server.middleware)
        self._serve_optional_methods()
        async with anyio.create_task_group() as tasks, self._manager.run():

            def changed(server: Server, came: bool) -> None:
                self._serve_optional_methods()
                tasks.start_soon(self._sessions.lists_changed)

            unsubscribe = self._registry.subscribe(changed)
            try:
                yield
            finally:
                unsubscribe()

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._end_listening()
        self._manager.end_streams()

    def _serve_optional_methods(self) -> None:
        """Serves the methods, and so promises the capabilities, that at least one server has now."""
        self._serve_if_any("completion/complete", types.CompleteRequestParams, self._complete)
        self._serve_if_any("resources/subscribe", types.SubscribeRequestParams, self._to_owner_of_uri)
        self._serve_if_any("resources/unsubscribe", types.UnsubscribeRequestParams, self._to_owner_of_uri)
        self._serve_if_any("logging/setLevel", types.SetLevelRequestParams, self._set_level)

    def _serve_if_any(self, method: str, params: type[BaseModel], handler: RequestHandler[Any, Any]) -> None:
        if any(server.handles(method) for server in self._registry):
            self._server.add_request_handler(method, params, handler)
        else:
            self._server.remove_request_handler(method)

    async def _list_tools(self, ctx: Context) -> list[catalog.Item]:
        token = raw_json.set(None)  # the lists of the servers are part of this answer
        try:
            owned = await catalog.listed(self._registry, ctx, "tools/list", "tools")
        finally:
            raw_json.reset(token)
        tools = {(server.name, tool["name"]): tool for server, tool in owned}
        return [{**tools[key], "name": name} for name, key in self._names.table().items() if key in tools]

    async def _call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> Result | types.CallToolResult:
        endpoint.set("aggregate")
        server, tool = self._names.callee(params.name)
        if isinstance(server, UnknownTarget):
            return await unknown_tool(server, ctx)
        return await self._with_shared_uris(ctx, server, await self._forward(ctx, server, name=tool))

    def _find(self, name: str) -> tuple[Callee, str] | None:
        try:
            server, tool = self._names.locate(name)
            return self._registry[server], tool
        except GatewayError:  # the call itself will get the same answer as any other
            return None

    async def _list_prompts(self, ctx: Context, params: Any) -> Result:
        owned = catalog.named(await self._listed(ctx, "prompts/list", "prompts"))
        return catalog.list_result("prompts", [{**prompt, "name": name} for name, (_, prompt) in owned.items()])

    async def _get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> Result:
        server, prompt = catalog.find_named(await self._listed(ctx, "prompts/list", "prompts"), params.name)
        return await self._with_shared_uris(ctx, server, await self._forward(ctx, server, name=prompt["name"]))

    async def _list_resources(self, ctx: Context, params: Any) -> Result:
        owned = await self._listed(ctx, "resources/list", "resources")
        return catalog.list_result("resources", catalog.addressed(owned, "uri"))

    async def _list_templates(self, ctx: Context, params: Any) -> Result:
        owned = await self._listed(ctx, "resources/templates/list", "resourceTemplates")
        return catalog.list_result("resourceTemplates", catalog.addressed(owned, "uriTemplate"))

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
        endpoint.set("aggregate")
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
        """Makes each link in a result lead to its server, also if another server has the same URI."""
        if not any(block.get("type") in ("resource", "resource_link") for block in result.get("content", [])):
            return result
        change = catalog.shared_uris(await self._listed(ctx, "resources/list", "resources"), server)
        return {**result, "content": catalog.map_uris(result["content"], change)}

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._names.find(name)
        return None if tool is None else tool["inputSchema"]
