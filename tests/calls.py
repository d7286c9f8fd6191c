"""Tool calls and their parts, for tests below the routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.call import ToolCall, ToolResult, WayIn
from gateway.caller import Caller
from gateway.tool import Entry, ToolInfo


class Known:
    """An entry of an existing tool."""

    direct = True
    asks = False
    has_unsafe_names = False
    may_repeat = False
    waits = True
    stops = False
    version = ""
    versions = None

    def __init__(self, name: str = "add", **info: Any) -> None:
        self.name = name
        self.info: ToolInfo = {"name": name, "inputSchema": {"type": "object"}, **info}  # type: ignore[typeddict-item]


class Granted:
    """Grants for the given tools, as pairs of server and tool, and for nothing else."""

    def __init__(self, *tools: tuple[str, str]) -> None:
        self._tools = tools

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        return (server, tool if isinstance(tool, str) else tool["name"]) in self._tools

    def covers_all_of(self, server: str) -> bool:
        return False

    def covers_own(self, area: str, action: str) -> bool:
        return (area, action) in self._tools

    def pinned(self, server: str, tool: str) -> str | None:
        return None

    def administers(self) -> bool:
        return False

    def missing(self, server: str, tool: str, asked: str) -> str:
        return f"{server}:{asked}"


class Broken:
    """A server with a bug: its call raises an exception that is not a GatewayError."""

    name = "one"

    def tools(self) -> Sequence[ToolInfo]:
        return ()

    def find(self, tool: str) -> None:
        return None

    async def call(self, call: ToolCall) -> ToolResult:
        raise RuntimeError("hidden")


def make_call(
    tool: str = "add",
    arguments: dict[str, Any] | None = None,
    *,
    server: str = "one",
    via: WayIn = "call",
    caller: Caller | None = None,
    entry: Entry | None = None,
    **more: Any,
) -> ToolCall:
    """Returns a call of an unknown tool, or of `entry`."""
    return ToolCall(server, tool, arguments or {}, via, caller or Caller(), entry, more.pop("requested", tool), **more)
