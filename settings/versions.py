"""Several versions of a tool."""

from __future__ import annotations

from dataclasses import dataclass

from settings.reader import text


@dataclass(frozen=True)
class Versions:
    tool_routes: str = text(
        "MCP_TOOL_ROUTES",
        "",
        "weights of the versions of a tool, such as `math:search=2:90,3:10`; entries end with `;`",
    )
