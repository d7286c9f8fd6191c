"""The handlers of the endpoint over all servers: each asks all of them for a list, or one for anything else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import RequestHandler
from pydantic import BaseModel

from gateway.aggregate.addresses import with_server
from gateway.aggregate.asks import Asks
from gateway.aggregate.forwarding import Forwarding, Result
from gateway.aggregate.lists import Item, Lists
from gateway.aggregate.owners import Owners, named
from gateway.aggregate.rewriting import rewritten
from gateway.aggregate.unknown_tool import unknown_tool
from gateway.call import endpoint
from gateway.sdk.raw_json import raw_json
from gateway.sdk.tool_list import Listed
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.unknown import UnknownTarget

Context = ServerRequestContext[Any, Any]
Handlers = Mapping[str, tuple[type[BaseModel], RequestHandler[Any, Any]]]
"""The model of the parameters and the handler, by method."""


class Requests:
    """`always` are the handlers that the endpoint has, `optional` those that it has while at least one server has."""

    def __init__(self, names: Names, asks: Asks, lists: Lists, owners: Owners) -> None:
        self._names = names
        self._asks = asks
        self._lists = lists
        self._owners = owners
        self._forwarding = Forwarding(owners)
        page = types.PaginatedRequestParams
        self.always: Handlers = {
            "tools/call": (types.CallToolRequestParams, self._call_tool),
            "prompts/list": (page, self._list_prompts),
            "prompts/get": (types.GetPromptRequestParams, self._get_prompt),
            "resources/list": (page, self._list_items),
            "resources/templates/list": (page, self._list_items),
            "resources/read": (types.ReadResourceRequestParams, self._read_resource),
        }
        of_task = (types.GetTaskRequestParams, self._of_task)
        self.optional: Handlers = {
            "completion/complete": (types.CompleteRequestParams, self._complete),
            "resources/subscribe": (types.SubscribeRequestParams, self._read_resource),
            "resources/unsubscribe": (types.UnsubscribeRequestParams, self._read_resource),
            "logging/setLevel": (types.SetLevelRequestParams, self._set_level),
            **dict.fromkeys(("tasks/get", "tasks/result", "tasks/update", "tasks/cancel"), of_task),
            "tasks/list": (page, self._list_items),
        }

    async def list_tools(self, ctx: Context) -> Listed:
        """Returns the tools by their names over all servers, as a `ToolList` needs them."""
        token = raw_json.set(None)  # the lists of the servers are part of this answer
        try:
            listed = await self._lists.read(ctx, "tools/list", self._owners.usable())
        finally:
            raw_json.reset(token)
        tools = {(server.name, tool["name"]): _tool(server, tool) for server, tool in listed.owned}
        named_tools = [{**tools[key], "name": name} for name, key in self._names.table().items() if key in tools]
        return named_tools, listed.cache

    async def forward(self, ctx: Context, params: Any) -> Result:
        """Answers a request that one server alone has."""
        having = (server for server in self._owners.usable() if server.handles(ctx.method))
        return await self._forwarding.send(ctx, next(having))

    async def notify(self, ctx: Context, params: Any) -> None:
        """Sends a client's notification on to each server that has a handler for it."""
        servers = [server for server in self._owners.usable() if server.handles(ctx.method)]
        await self._asks.each(servers, ctx.method, partial(self._send, ctx), bounded=False)

    async def _call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> Result | types.CallToolResult:
        endpoint.set("aggregate")
        server, tool = self._names.callee(params.name)
        if isinstance(server, UnknownTarget):
            return await unknown_tool(server, ctx)
        return await self._forwarding.call(ctx, server, tool)

    async def _list_prompts(self, ctx: Context, params: Any) -> Result:
        listed = await self._lists.read(ctx, ctx.method, self._owners.usable())
        prompts = [
            {**rewritten(server.name, prompt), "name": name} for name, (server, prompt) in named(listed.owned).items()
        ]
        return listed.result(ctx.method, prompts)

    async def _list_items(self, ctx: Context, params: Any) -> Result:
        listed = await self._lists.read(ctx, ctx.method, self._owners.usable())
        return listed.result(ctx.method, [rewritten(server.name, item) for server, item in listed.owned])

    async def _get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> Result:
        server, prompt = await self._owners.of_prompt(ctx, params.name)
        return await self._forwarding.send(ctx, server, name=prompt)

    async def _read_resource(self, ctx: Context, params: types.ReadResourceRequestParams) -> Result:
        server, uri = await self._owners.of_uri(ctx, params.uri)

        def change(own: str) -> str:
            return params.uri if own == uri else with_server(server.name, own)

        return await self._forwarding.send(ctx, server, change, uri=uri)

    async def _of_task(self, ctx: Context, params: types.GetTaskRequestParams) -> Result:
        server, task = self._owners.of_task(params.task_id)
        return await self._forwarding.send(ctx, server, taskId=task)

    async def _complete(self, ctx: Context, params: types.CompleteRequestParams) -> Result:
        ref = params.ref
        if isinstance(ref, types.PromptReference):
            server, prompt = await self._owners.of_prompt(ctx, ref.name)
            return await self._forwarding.send(ctx, server, ref={"type": ref.type, "name": prompt})
        server, uri = await self._owners.of_uri(ctx, ref.uri)
        return await self._forwarding.send(ctx, server, ref={"type": ref.type, "uri": uri})

    async def _set_level(self, ctx: Context, params: Any) -> types.EmptyResult:
        servers = [server for server in self._owners.usable() if server.handles(ctx.method)]
        await self._asks.each(servers, ctx.method, partial(self._send, ctx))
        return types.EmptyResult()

    async def _send(self, ctx: Context, server: Server) -> tuple[Result, str]:
        return await self._forwarding.send(ctx, server), ""


def _tool(server: Server, tool: Item) -> Item:
    return rewritten(server.name, tool) if "_meta" in tool else tool
