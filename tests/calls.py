"""Tool calls and their parts, for tests below the routes."""

from __future__ import annotations

from typing import Any

from gateway.call import ToolCall, WayIn
from gateway.caller import Caller
from gateway.tool import Entry, ToolInfo


class Known:
    """An entry of an existing tool."""

    direct = True

    def __init__(self, name: str = "add", **info: Any) -> None:
        self.name = name
        self.info: ToolInfo = {"name": name, "inputSchema": {"type": "object"}, **info}  # type: ignore[typeddict-item]


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
