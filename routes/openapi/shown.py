"""The paths of the two kinds of documents: one server's tools alone, and everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.server import Server
from gateway.servers.names import Names
from gateway.tool import ToolInfo
from routes.openapi.components import SCHEMAS
from routes.openapi.operations import (
    Paths,
    ToolsOf,
    description_of_tool,
    operation_id,
    operations_of_server,
    operations_over_all,
)
from routes.openapi.versions import path_of


class Shows(Protocol):
    """The part of the application that a document shows."""

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The components that are not a tool's own."""
        ...

    def paths_of_tool(self, server: Server, tool: ToolInfo, call: Mapping[str, Any]) -> Paths:
        """Returns the paths of a tool; `call` is the operation that calls it."""
        ...

    def paths_of_server(self, server: Server, tools: Sequence[ToolInfo]) -> Paths:
        """Returns the other paths of a server."""
        ...

    def paths_over_all(self, servers: ToolsOf) -> Paths: ...


class OneServer:
    """The calls of one server's tools and nothing else, as functions for a model. Paths are below `/{server}`."""

    schemas: Mapping[str, Any] = {name: SCHEMAS[name] for name in ("InputRequired", "Problem", "ToolResult")}

    def paths_of_tool(self, server: Server, tool: ToolInfo, call: Mapping[str, Any]) -> Paths:
        return {path_of(tool): {"post": call}}

    def paths_of_server(self, server: Server, tools: Sequence[ToolInfo]) -> Paths:
        return {}

    def paths_over_all(self, servers: ToolsOf) -> Paths:
        return {}


class AllServers:
    """Every endpoint of the application. Paths are below its root."""

    schemas: Mapping[str, Any] = SCHEMAS

    def __init__(self, names: Names) -> None:
        self._names = names

    def paths_of_tool(self, server: Server, tool: ToolInfo, call: Mapping[str, Any]) -> Paths:
        name = operation_id("describe", call["operationId"], self._names.table())
        about = description_of_tool(server, tool, name)
        return {f"/{server.name}{path_of(tool)}": {"post": call, "get": about}}

    def paths_of_server(self, server: Server, tools: Sequence[ToolInfo]) -> Paths:
        return operations_of_server(server, tools, self._names.table())

    def paths_over_all(self, servers: ToolsOf) -> Paths:
        return operations_over_all(servers)
