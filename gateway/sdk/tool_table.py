"""The SDK's own table of a server's tools, which says when it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool


class ToolTable(dict[str, Tool]):
    """Takes the place of the dict in which the SDK keeps a server's tools and from which it calls them.

    The SDK sets and deletes items (`ToolManager`); an author may use any other way, so each of them is overridden.
    """

    def __init__(self, tools: dict[str, Tool], changed: Callable[[str], None]) -> None:
        super().__init__(tools)
        self._changed = changed

    @classmethod
    def of(cls, mcp: MCPServer[Any], changed: Callable[[str], None]) -> ToolTable:
        """Returns the table of `mcp`. `changed` is called with the name of each tool that comes or goes."""
        table = mcp._tool_manager._tools = cls(mcp._tool_manager._tools, changed)
        return table

    def replace(self, name: str, tool: Tool) -> None:
        """Sets the same tool in another form, which is no change."""
        super().__setitem__(name, tool)

    def __setitem__(self, name: str, tool: Tool) -> None:
        super().__setitem__(name, tool)
        self._changed(name)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._changed(name)

    def pop(self, name: str, *default: Any) -> Any:
        tool = super().pop(name, *default)
        self._changed(name)
        return tool

    def popitem(self) -> tuple[str, Tool]:
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        for name in [*self]:
            del self[name]

    def setdefault(self, name: str, tool: Any = None) -> Any:
        if name not in self:
            self[name] = tool
        return self[name]

    def update(self, *others: Any, **named: Any) -> None:
        for name, tool in dict(*others, **named).items():
            self[name] = tool

    def __ior__(self, other: Any) -> ToolTable:  # type: ignore[misc,override]
        self.update(other)
        return self
