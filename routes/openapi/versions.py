"""The versions of tools in an OpenAPI document: each is an operation of its own, at the URL `tool@version`."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from gateway.server import Server
from gateway.tool import Deprecation, Entry, ToolInfo, version_of
from routes.openapi.operations import operation_id

_NOT_SAFE = re.compile(r"[^A-Za-z0-9]")
_SEPARATOR = "@"


def with_versions(server: Server, tools: Sequence[ToolInfo]) -> Sequence[ToolInfo]:
    """Returns the tools, and after a tool with versions all of those that the caller may call, named `tool@version`."""
    if not any(version_of(tool) for tool in tools):
        return tools
    return [each for tool in tools for each in (tool, *_versions(server, tool))]


def key_of(tool: ToolInfo) -> str:
    """Returns what tells a tool in a document apart from others of its name."""
    version = version_of(tool)
    return f"{tool['name']} {version}" if version else tool["name"]


def path_of(tool: ToolInfo) -> str:
    """Returns the path of a tool below its server."""
    version = version_of(tool)
    name = tool["name"].removesuffix(f"{_SEPARATOR}{version}") if version else tool["name"]
    return f"/mcp/tools/{quote(name, safe='')}{tool['name'][len(name) :]}"


def id_of(names: Any, server: str, tool: ToolInfo) -> str:
    """Returns the id of a tool's operation: its name over all servers, or one with the version."""
    version = version_of(tool)
    own = f"{_SEPARATOR}{version}"
    if not version or not tool["name"].endswith(own):
        found: str = names.name_of(server, tool["name"])
        return found
    table: Container[str] = names.table()
    number = _NOT_SAFE.sub("_", version)
    return operation_id(names.name_of(server, tool["name"].removesuffix(own)), f"v{number}", table)


def marks(server: Server, tool: ToolInfo) -> dict[str, Any]:
    """Returns the members of an operation that say that its version is deprecated, and until when it is served."""
    version = version_of(tool)
    entry = _entry(server, tool) if version else None
    found = entry.versions.deprecation(version) if entry is not None and entry.versions is not None else None
    return {} if found is None else {"deprecated": True, **_sunset(found)}


def _versions(server: Server, tool: ToolInfo) -> Sequence[ToolInfo]:
    entry = server.find(tool["name"]) if version_of(tool) else None
    if entry is None or entry.versions is None or not entry.versions.are_shown:
        return ()
    return [{**each.info, "name": f"{each.name}{_SEPARATOR}{each.version}"} for each in entry.versions.live()]


def _entry(server: Server, tool: ToolInfo) -> Entry | None:
    """Returns any version of the tool that is described."""
    return server.find(tool["name"]) or server.find(tool["name"].removesuffix(f"{_SEPARATOR}{version_of(tool)}"))


def _sunset(deprecation: Deprecation) -> dict[str, str]:
    if deprecation.sunset is None:
        return {}
    return {"x-sunset": f"{datetime.fromtimestamp(deprecation.sunset, UTC):%Y-%m-%dT%H:%M:%SZ}"}
