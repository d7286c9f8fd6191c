"""The tools of one server: a tool that is added, replaced or removed while it runs is seen at the next call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

from gateway.local.plan import Plan
from gateway.local.served_tool import ServedTool
from gateway.local.threads import Threads
from gateway.naming import TOOL_SUFFIX, unambiguous
from gateway.sdk.internals import OwnTool
from gateway.sdk.tool_table import ToolTable
from gateway.tool import ToolInfo
from gateway.versions.families import Families


class Tools:
    """Puts a `ServedTool` in the place of each tool of `mcp`, so that every way in calls the same one.

    `changed` is called whenever a tool comes or goes. With `versions`, several tools of the SDK's table may be versions
    of one, and then have its name.
    """

    def __init__(
        self,
        mcp: MCPServer[Any],
        threads: Threads,
        max_result: int,
        changed: Callable[[], None] = lambda: None,
        *,
        has_hooks: bool = False,
        versions: Families | None = None,
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
        self._versions = versions
        self._is_sorted = versions is None
        self._renamed: dict[str, tuple[Tool, dict[str, Any] | None]] = {}

    def plan(self, name: str) -> Plan | None:
        """Returns how to call the tool of exactly this name; None if there is none."""
        plan = self._plans.get(name)
        if plan is not None:
            return plan
        if self._versions is not None:
            families = self._sorted(self._versions)
            if name in families.of_name:
                return cast("Plan", families.of_name[name].current())
            if name in families.public or name in families.left_out:
                return None
        tool: Tool | None = self._table.get(name) or self._own.get(name)
        if tool is None:
            return None
        if ServedTool.is_plain(tool):
            tool = ServedTool.of(tool, self._threads, self._max_result)
            self._table.replace(name, tool)
        plan = self._plans[name] = Plan(tool, self._max_result, self._has_hooks)
        return plan

    def hides(self, name: str) -> bool:
        """Returns True for the own name of a version, by which the SDK would find it."""
        return self._versions is not None and self.plan(name) is None and self.has_versions(name)

    def has_versions(self, name: str) -> bool:
        """Returns True for the name of a tool with versions, and for the own name of each."""
        if self._versions is None:
            return False
        families = self._sorted(self._versions)
        return any(name in names for names in (families.of_name, families.public, families.left_out))

    def find(self, name: str) -> Plan | None:
        """Returns the plan of a name that may lack the suffix `_tool`, or that is the one shown to models."""
        return self._plans.get(name) or self.plan(name) or self.plan(name + TOOL_SUFFIX) or self._find_shown(name)

    def listed(self) -> Sequence[ToolInfo]:
        """Returns the tools as MCP lists them on the wire. The same object until a tool comes or goes."""
        if self._versions is not None and self._sorted(self._versions).of_name:
            return self._listed_by_caller(self._versions)
        if self._listed is None:
            self._listed = [plan.info for name in [*self._names] if (plan := self.plan(name)) is not None]
        return self._listed

    def _listed_by_caller(self, families: Families) -> Sequence[ToolInfo]:
        """Returns the tools, of those with versions the one that the caller gets."""
        listed: list[ToolInfo] = []
        for name in self._public_names():
            if name in families.of_name:
                listed += families.of_name[name].listed()
            elif (plan := self.plan(name)) is not None:
                listed.append(plan.info)
        return listed

    def _public_names(self) -> Iterable[str]:
        public = {} if self._versions is None else self._sorted(self._versions).public
        return dict.fromkeys(public.get(name, name) for name in self._names) if public else self._names

    def _sorted(self, families: Families) -> Families:
        """Returns the families of the present tools."""
        if not self._is_sorted:
            self._is_sorted = True
            families.sort([(name, self._meta(name, tool)) for name, tool in self._table.items()], self._version)
        return families

    def _meta(self, name: str, tool: Tool) -> dict[str, Any] | None:
        """Returns the `_meta` that the author gave a tool, also if it stands in the table under its public name."""
        renamed = self._renamed.get(name)
        return renamed[1] if renamed is not None and renamed[0] is tool else tool.meta

    def _version(self, name: str, public: str, meta: Mapping[str, Any], version: str) -> Plan:
        """Makes the plan of a version, which has the public name of its tool in all that it says."""
        tool, own_meta = self._table[name], self._meta(name, self._table[name])
        if ServedTool.is_plain(tool):
            tool = ServedTool.of(tool, self._threads, self._max_result)
        tool = tool.model_copy(update={"name": public, "meta": dict(meta)})
        self._table.replace(name, tool)
        self._renamed[name] = tool, own_meta
        plan = Plan(tool, self._max_result, self._has_hooks)
        plan.own_name, plan.version = name, version
        return plan

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
            self._shown = unambiguous(("", each) for each in self._public_names())
        return self.plan(self._shown[name][1]) if name in self._shown else None

    def _forget(self, name: str) -> None:
        self._plans.pop(name, None)
        if name not in self._table:
            self._renamed.pop(name, None)
        self._listed = self._shown = None
        self._is_sorted = self._versions is None
        self._changed()
