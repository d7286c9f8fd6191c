"""The errors of a call that asks for a version which the tool has not, or has no more."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import GatewayError, InvalidRequest
from gateway.naming import cut


class UnknownVersion(GatewayError):
    """`known` are those that the caller may call; empty for a tool without versions."""

    slug = "unknown-version"

    def __init__(self, server: str, tool: str, wanted: str, known: Sequence[str] = ()) -> None:
        there_are = f"no version {wanted!r}; there are: {', '.join(known)}." if known else "no versions."
        super().__init__(f"Tool {cut(tool)!r} has {there_are}")
        self.server, self.tool = server, cut(tool)


class Retired(GatewayError):
    slug = "retired"

    def __init__(self, server: str, tool: str, version: str, day: str, instead: str) -> None:
        use = f" Use {instead}." if instead else ""
        super().__init__(f"Version {version} of tool {tool!r} was retired on {day}.{use}")
        self.server, self.tool = server, tool


class HeaderMismatch(InvalidRequest):
    """An `Mcp-Param-*` header is not the argument that the version repeats in it, or one of the two is missing."""
