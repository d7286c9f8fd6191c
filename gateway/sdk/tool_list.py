"""Answers `tools/list` without copying every tool again for every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import ListToolsResult, methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.caller import caller
from gateway.encoding import encode_array, in_turns
from gateway.sdk.internals import connection_of
from gateway.sdk.raw_json import raw_json
from gateway.sdk.wire import as_result
from gateway.tool import VERSION_META, VERSIONS_META, ToolInfo

Context = ServerRequestContext[Any, Any]
LIST = "tools/list"
NO_CACHE = {"ttlMs": 0, "cacheScope": "private"}
Listed = tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]
"""The tools that the caller may see, as the protocol version of the request describes them, and hints for caches.

Without hints, those of the server's author stand.
"""
ListTools = Callable[[Context], Awaitable[Listed]]


class ToolList:
    """An SDK middleware. Replaces the handler of `tools/list` and the SDK's encoding of its result."""

    def __init__(self, server: LowLevelServer[Any], list_tools: ListTools) -> None:
        self._server = server
        self._list_tools = list_tools

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method != LIST or not connection_of(ctx).initialize_accepted:
            return await call_next(ctx)
        methods.validate_client_request(LIST, ctx.protocol_version, ctx.params)
        tools, cache = await self._list_tools(ctx)
        if not cache and LIST not in self._server.cache_hints:  # a hint of the author fills what the result leaves open
            cache = NO_CACHE
        result = as_result(self._server, ctx, {"resultType": "complete", "tools": [], **cache})
        if caller.get().grants is not None and "cacheScope" in result:
            result["cacheScope"] = "private"
        raw = raw_json.get()
        if raw is None or ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return result | {"tools": [*tools]}
        raw.value = await encode_array(tools)
        return result | {"tools": raw.placeholder}


async def no_tools(ctx: Context, params: Any) -> ListToolsResult:
    """Stands behind a `ToolList` that answers everything, so that the SDK promises the capability."""
    return ListToolsResult(tools=[])


class WireTools:
    """The tools of one server as each protocol version describes them, until one comes or goes.

    Each tool is converted once for each version.
    """

    def __init__(self) -> None:
        self._converted: dict[tuple[str, str, str], Mapping[str, Any]] = {}

    async def convert(self, tools: Sequence[ToolInfo], version: str) -> Sequence[Mapping[str, Any]]:
        """Returns the wire form of `tools`."""
        return [self._convert(tool, version) async for tool in in_turns(tools)]

    def _convert(self, tool: ToolInfo, version: str) -> Mapping[str, Any]:
        key = (version, tool["name"], _told_versions(tool))
        if key not in self._converted:
            self._converted[key] = _converted(tool, version)
        return self._converted[key]


def _told_versions(tool: ToolInfo) -> str:
    """Returns what differs in the descriptions of one tool to different callers, if it has versions."""
    meta: Any = tool.get("_meta")
    return f"{meta[VERSION_META]} {meta.get(VERSIONS_META)}" if isinstance(meta, dict) and VERSION_META in meta else ""


def _converted(tool: ToolInfo, version: str) -> Mapping[str, Any]:
    result = {"resultType": "complete", "tools": [tool], **NO_CACHE}
    tools: list[Mapping[str, Any]] = methods.serialize_server_result(LIST, version, result)["tools"]
    return tools[0]
