"""The schemas by which the SDK compares the `Mcp-Param-*` headers of a call with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map

MAX_TOOLS = 10_000
"""Tools of which is remembered if they have such headers."""

Schema = Mapping[str, Any]


class HeaderSchemas:
    """Returns the input schema of a tool that `find` finds if it declares a header for an argument, and None if not.

    With a schema that declares none the SDK would find none at each call again, in a walk through all of it. A tool
    that `has_versions` has none here: the headers of a call are compared when it is known which version it gets.
    """

    def __init__(
        self, find: Callable[[str], Schema | None], has_versions: Callable[[str], bool] = lambda tool: False
    ) -> None:
        self.find = find
        self._has_versions = has_versions
        self._known: dict[str, tuple[Schema, bool]] = {}

    def __call__(self, tool: str) -> Schema | None:
        schema = self.find(tool)
        if schema is None:
            return None
        known = self._known.get(tool)
        if known is None or known[0] is not schema:
            if len(self._known) >= MAX_TOOLS:
                self._known.clear()
            declares = find_invalid_x_mcp_header(schema) is None and bool(x_mcp_header_map(schema))
            known = self._known[tool] = (schema, declares)
        return schema if known[1] and not self._has_versions(tool) else None


def look_up_declared(server: LowLevelServer[Any], has_versions: Callable[[str], bool]) -> None:
    """Lets a server of this process look its schemas up in this way, if it looks them up at all."""
    find = server.get_tool_input_schema
    if find is not None:
        server.get_tool_input_schema = HeaderSchemas(
            find.find if isinstance(find, HeaderSchemas) else find, has_versions
        )
