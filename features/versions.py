"""Several versions of a tool, on if a tool declares one: `meta={"version": "2.1.0"}`; and `MCP_TOOL_ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import MCPServer
from starlette.middleware import Middleware

from features.feature import Feature
from gateway.sdk.internals import tools_of
from gateway.versions.declaration import declares, sorted_out

if TYPE_CHECKING:
    from gateway.versions.routing import Routing
    from gateway.versions.version import Version


def routing(
    routes: str,
    servers: Mapping[str, MCPServer[Any]],
    elsewhere: Mapping[str, Sequence[Version]],
    *,
    are_followed: bool,
) -> Routing | None:
    """Returns None if no tool has a version. Others may come later if the files of servers `are_followed`.

    Servers `elsewhere` have these versions, and nobody knows yet of which tools.

    Raises:
        LoadError: the routes cannot be read, or one is of a version that there is not.
    """
    tools = {name: [(tool.name, tool.meta) for tool in tools_of(mcp)] for name, mcp in servers.items()}
    if not (routes or are_followed or elsewhere or any(declares(meta) for each in tools.values() for _, meta in each)):
        return None
    from gateway.versions.routing import Routing

    made = Routing(routes)
    if not are_followed:
        made.check({name: _versions(each) for name, each in tools.items()}, elsewhere)
    return made


def _versions(tools: list[tuple[str, Any]]) -> Mapping[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for declared in sorted_out(tools)[0].values():
        found.setdefault(declared.name, []).append(declared.version)
    return found


def versions(routing: Routing | None) -> Feature:
    if routing is None:
        return Feature()
    from gateway.versions.interceptor import VersionCalls
    from routes.middleware.versions import VersionHeaders

    return Feature(interceptors=[VersionCalls(routing)], middleware=[Middleware(VersionHeaders)])
