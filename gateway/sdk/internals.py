"""Private parts of the SDK's servers, each behind a function that says what it is for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.connection import Connection
from mcp.server.context import ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.resources import FunctionResource, ResourceTemplate
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.server.request_state import RequestStateBoundary
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.dispatcher import DispatchContext
from mcp_types import Tool as ListedTool
from pydantic import TypeAdapter

BUILT_IN = (OpenTelemetryMiddleware, RequestStateBoundary)
"""The middleware that the SDK itself puts around a server."""


_LISTS = {
    "tools/list": "list_tools",
    "prompts/list": "list_prompts",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
}
"""The methods of `MCPServer` that answer native lists."""


def low_level(mcp: MCPServer[Any]) -> LowLevelServer[Any]:
    return mcp._lowlevel_server


def tools_of(mcp: MCPServer[Any]) -> list[Tool]:
    return mcp._tool_manager.list_tools()


class OwnTool(Tool):
    """A tool that only the overridden `call_tool` of its server can call. The function is never called."""


async def own_tools(mcp: MCPServer[Any]) -> list[OwnTool] | None:
    """Returns the tools that an overridden `list_tools` lists; None if the server has the SDK's own one."""
    return [_own_tool(tool) for tool in await mcp.list_tools()] if lists_itself(mcp) else None


def lists_itself(mcp: MCPServer[Any]) -> bool:
    """Returns True if the class of the server overrides `list_tools`."""
    return type(mcp).list_tools is not MCPServer.list_tools


def _own_tool(listed: ListedTool) -> OwnTool:
    return OwnTool(
        fn=_own_tool,
        name=listed.name,
        title=listed.title,
        description=listed.description or "",
        parameters=listed.input_schema,
        fn_metadata=FuncMetadata(
            arg_model=ArgModelBase, output_schema=listed.output_schema, wrap_output=_is_wrapped(listed)
        ),
        is_async=True,
        context_kwarg=None,
        annotations=listed.annotations,
        icons=listed.icons,
        meta=listed.meta,
    )


def _is_wrapped(listed: ListedTool) -> bool:
    """Returns True for the object that FastMCP and the SDK put around a value that is none: `{"result": value}`."""
    schema = listed.output_schema or {}
    return {*schema.get("properties", ())} == {"result"} and schema.get("required") == ["result"]


def functions_for(
    mcp: MCPServer[Any], method: str, params: Mapping[str, Any]
) -> Sequence[Prompt | FunctionResource | ResourceTemplate]:
    """Returns the parts of a server whose `fn` a request for a prompt or a resource may call."""
    if method == "prompts/get":
        prompt = mcp._prompt_manager.get_prompt(str(params.get("name")))
        return [] if prompt is None else [prompt]
    if method != "resources/read":
        return []
    resource = mcp._resource_manager._resources.get(str(params.get("uri")))
    if resource is None:
        return mcp._resource_manager.list_templates()
    return [resource] if isinstance(resource, FunctionResource) else []


def bus(mcp: MCPServer[Any]) -> SubscriptionBus:
    """Returns the bus on which the server publishes its change events."""
    return mcp._subscriptions


def output_adapter(metadata: FuncMetadata) -> TypeAdapter[Any]:
    """Returns the validator and serializer that the SDK made for a tool's output type."""
    return metadata._output_adapter(metadata.output_model)


def has_auth(mcp: MCPServer[Any]) -> bool:
    return mcp.settings.auth is not None


def enter_once(server: LowLevelServer[Any], state: Any) -> None:
    """Makes the session manager use `state`, of the lifespan that is entered already, and not enter it again."""
    server.lifespan = lambda _: nullcontext(state)


def insert_middleware(mcp: MCPServer[Any], *middleware: ServerMiddleware[Any]) -> None:
    """Inserts inside of the SDK's own middleware, outside of the author's. The first one acts first."""
    built_in = [item for item in mcp.middleware if isinstance(item, BUILT_IN)]
    authors = [item for item in mcp.middleware if not isinstance(item, BUILT_IN)]
    mcp.middleware[:] = [*built_in, *middleware, *authors]


def has_author_hooks(mcp: MCPServer[Any]) -> bool:
    """Returns True if the server's author put something around its tool calls."""
    own_method = type(mcp).call_tool is not MCPServer.call_tool
    return own_method or _is_replaced(mcp, "tools/call") or _has_middleware(mcp)


def has_own_tool_list(mcp: MCPServer[Any]) -> bool:
    """Returns True if the server's author changed how its tools are listed."""
    return answers_itself(mcp, "tools/list") or _has_middleware(mcp)


def answers_itself(mcp: MCPServer[Any], list_method: str) -> bool:
    """Returns True if code of the server's author answers this list."""
    name = _LISTS[list_method]
    return getattr(type(mcp), name) is not getattr(MCPServer, name) or _is_replaced(mcp, list_method)


def _is_replaced(mcp: MCPServer[Any], method: str) -> bool:
    """Returns True if the author has replaced the handler of `method`."""
    entry = low_level(mcp).get_request_handler(method)
    return entry is None or getattr(entry.handler, "__self__", None) is not mcp


def _has_middleware(mcp: MCPServer[Any]) -> bool:
    return any(not isinstance(item, BUILT_IN) for item in mcp.middleware)


def request_channel(ctx: ServerRequestContext[Any, Any]) -> DispatchContext[Any]:
    """Returns the channel by which the tool of this request reports and asks."""
    return ctx.session._request_outbound


def with_session(
    ctx: ServerRequestContext[Any, Any], kind: type[ServerSession], **changed: Any
) -> ServerRequestContext[Any, Any]:
    """Returns the same request with a copy of its session, which is a `kind` and has other attributes."""
    session = object.__new__(kind)
    session.__dict__.update(vars(ctx.session), **changed)
    own = object.__new__(type(ctx))  # in a third of the time of `replace`
    own.__dict__.update(vars(ctx), session=session)
    return own


def connection_of(ctx: ServerRequestContext[Any, Any]) -> Connection:
    """Returns the client's connection, which outlives the request in a legacy session."""
    return ctx.session._connection


def with_outbound(connection: Connection, outbound: Any) -> Connection:
    """Returns a copy of the client's connection that sends by another channel. All other state is shared."""
    copied = object.__new__(Connection)
    copied.__dict__.update(vars(connection), outbound=outbound)
    return copied


def unbounded_listen(handler: Any) -> Any:
    """Returns a handler of `subscriptions/listen`, the SDK's own one without its bound of 1,024 streams for all."""
    if isinstance(handler, ListenHandler):
        vars(handler).update(_max_subscriptions=sys.maxsize)
    return handler
