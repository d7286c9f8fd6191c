"""The tools of one server: a tool that is added, replaced or removed while it runs is seen at the next call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

from gateway.local.plan import Plan
from gateway.local.served_tool import ServedTool
from gateway.local.threads import Threads
from gateway.naming import TOOL_SUFFIX, unambiguous
from gateway.sdk.internals import OwnTool
from gateway.sdk.tool_table import ToolTable
from gateway.tool import ToolInfo


class Tools:
    """Puts a `ServedTool` in the place of each tool of `mcp`, so that every way in calls the same one.

    `changed` is called whenever a tool comes or goes.
    """

    def __init__(
        self,
        mcp: MCPServer[Any],
        threads: Threads,
        max_result: int,
        changed: Callable[[], None] = lambda: None,
        *,
        has_hooks: bool = False,
    ) -> None:
        self._table = ToolTable.of(mcp, self._forget)
        self._threads = threads
        self._max_result = max_result
        self._changed = changed
        self._has_hooks = has_hooks
        self._plans: dict[str, Plan] = {}
        self._own: dict[str, OwnTool] = {}
        self._names: Iterable[str] = self._table
        self._listed: list[ToolInfo] | None = None
        self._shown: dict[str, tuple[str, str]] | None = None

    def plan(self, name: str) -> Plan | None:
        """Returns how to call the tool of exactly this name; None if there is none."""
        plan = self._plans.get(name)
        if plan is not None:
            return plan
        tool: Tool | None = self._table.get(name) or self._own.get(name)
        if tool is None:
            return None
        if ServedTool.is_plain(tool):
            tool = ServedTool.of(tool, self._threads, self._max_result)
            self._table.replace(name, tool)
        plan = self._plans[name] = Plan(tool, self._max_result, self._has_hooks)
        return plan

    def find(self, name: str) -> Plan | None:
        """Returns the plan of a name that may lack the suffix `_tool`, or that is the one shown to models."""
        return self._plans.get(name) or self.plan(name) or self.plan(name + TOOL_SUFFIX) or self._find_shown(name)

    def listed(self) -> Sequence[ToolInfo]:
        """Returns the tools as MCP lists them on the wire. The same object until a tool comes or goes."""
        if self._listed is None:
            self._listed = [plan.info for name in [*self._names] if (plan := self.plan(name)) is not None]
        return self._listed

    def list_instead(self, tools: Sequence[OwnTool]) -> None:
        """Lists these tools, which the server's own `list_tools` returned, in place of those of the SDK's table."""
        own = {tool.name: tool for tool in tools}
        if own == self._own and [*own] == [*self._own]:
            return
        for name in self._own:
            self._plans.pop(name, None)
        self._own, self._names = own, [*own]
        self._listed = self._shown = None
        self._changed()

    def _find_shown(self, name: str) -> Plan | None:
        if self._shown is None:
            self._shown = unambiguous(("", each) for each in self._names)
        return self.plan(self._shown[name][1]) if name in self._shown else None

    def _forget(self, name: str) -> None:
        self._plans.pop(name, None)
        self._listed = self._shown = None
        self._changed()
