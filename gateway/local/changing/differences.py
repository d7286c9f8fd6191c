"""The lists of a server that are others after its code has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ToolsListChanged

from gateway.local.server import LocalServer
from gateway.sdk import internals

Listed = Mapping[str, Any]
_LISTS: Mapping[str, tuple[ServerEvent, Callable[[MCPServer[Any]], Awaitable[Any]]]] = {
    "prompts/list": (PromptsListChanged(), MCPServer.list_prompts),
    "resources/list": (ResourcesListChanged(), MCPServer.list_resources),
    "resources/templates/list": (ResourcesListChanged(), MCPServer.list_resource_templates),
}


async def lists_of(server: LocalServer) -> Listed:
    """Returns what can be compared: a list that the author's own code makes is equal to no other."""
    found: dict[str, Any] = {"tools/list": [*server.tools()]}
    for method, (_, listed) in _LISTS.items():
        if server.low_level.get_request_handler(method) is not None:
            is_own = internals.answers_itself(server.mcp, method)
            found[method] = object() if is_own else await listed(server.mcp)
    return found


def changed(before: Listed, after: Listed) -> Collection[ServerEvent]:
    """Returns an event for each list that differs, or may."""
    events: dict[ServerEvent, None] = {}
    for method in {**before, **after}:
        if before.get(method) != after.get(method):
            events[ToolsListChanged() if method == "tools/list" else _LISTS[method][0]] = None
    return [*events]
