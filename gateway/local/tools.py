"""The tools of one server as they are now: a tool added or removed while it runs is seen at the next call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

from gateway.local.plan import Plan, ServedTool
from gateway.local.threads import Threads
from gateway.sdk import internals as sdk
from gateway.server import ToolInfo
from gateway.servers.names import unambiguous

_SUFFIX = "_tool"


class Tools:
    """Puts a `ServedTool` in the place of each tool of `mcp`, so that every way in calls the same one."""

    def __init__(self, mcp: MCPServer[Any], threads: int) -> None:
        self._table = sdk.tool_table(mcp)
        self._threads = Threads(threads)
        self._plans: dict[str, Plan] = {}
        self._seen: tuple[Tool, ...] = ()
        self._listed: list[ToolInfo] = []

    def plan(self, name: str) -> Plan | None:
        """How to call the tool of exactly this name; None where there is none."""
        tool = self._table.get(name)
        plan = self._plans.get(name)
        if plan is not None and plan.tool is tool:
            return plan
        if tool is None:
            return None
        if ServedTool.plain(tool):
            tool = self._table[name] = ServedTool.of(tool, self._threads)
        plan = self._plans[name] = Plan(tool)
        return plan

    def names(self) -> Sequence[str]:
        return list(self._table)

    def resolve(self, name: str) -> str:
        """The exact name where `_tool` was left off, or where models are shown another; any other name as it is."""
        if name in self._table:
            return name
        if name + _SUFFIX in self._table:
            return name + _SUFFIX
        shown = unambiguous(("", each) for each in self.names())
        return shown[name][1] if name in shown else name

    def listed(self) -> Sequence[ToolInfo]:
        """As MCP lists them on the wire. The same object until a tool comes or goes."""
        plans = [plan for name in self.names() if (plan := self.plan(name)) is not None]  # one may go meanwhile
        tools = tuple(plan.tool for plan in plans)
        if tools != self._seen:
            self._seen, self._listed = tools, [plan.info for plan in plans]
        return self._listed
