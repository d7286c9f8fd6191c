"""The parts of a server that belong to single tools: their UI resources, and the tasks that their calls have made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

from gateway.caller import Caller, ListsTools

MAX_TASKS = 10_000
MAX_TASKS_OF_ONE = 1_000
"""Tasks that are known of one server, and of one principal there. With more, the oldest are forgotten."""

_FLAT_UI = "ui/resourceUri"


class ToolParts:
    """Knows which UI resources and which tasks of `server` a caller may use whose scopes cover some of its tools."""

    def __init__(self, server: ListsTools) -> None:
        self._server = server
        self._tasks: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._of_one: dict[str, OrderedDict[str, None]] = {}

    def uis(self, asking: Caller) -> Collection[str]:
        """Returns the URIs of the UI resources of the tools that the caller may call."""
        return {uri for tool in asking.sees(self._server) for uri in _uis(tool.get("_meta"))}

    def note(self, asking: Caller, tool: str, result: Any) -> None:
        """Notes the task that a call of the caller has made, if it has made one."""
        task = _task(result)
        if task is None or asking.owner is None:
            return
        own = self._of_one.setdefault(asking.owner, OrderedDict())
        own[task] = None
        self._tasks[asking.owner, task] = tool
        if len(own) > MAX_TASKS_OF_ONE:
            self._forget(asking.owner, next(iter(own)))
        if len(self._tasks) > MAX_TASKS:
            self._forget(*next(iter(self._tasks)))

    def owns_task(self, asking: Caller, task: Any) -> bool:
        """Returns True for a task that a call of the caller has made, of a tool that the caller may still call."""
        if asking.owner is None or not isinstance(task, str):
            return False
        tool = self._tasks.get((asking.owner, task))
        return tool is not None and any(seen["name"] == tool for seen in asking.sees(self._server))

    def _forget(self, owner: str, task: str) -> None:
        del self._tasks[owner, task]
        del self._of_one[owner][task]
        if not self._of_one[owner]:
            del self._of_one[owner]


def _uis(meta: Any) -> list[str]:
    if not isinstance(meta, Mapping):
        return []
    ui = meta.get("ui")
    found = [meta.get(_FLAT_UI), ui.get("resourceUri") if isinstance(ui, Mapping) else None]
    return [uri for uri in found if isinstance(uri, str)]


def _task(result: Any) -> str | None:
    """Returns the id of the task that a call is answered with, in the form of either protocol era."""
    if not isinstance(result, Mapping):
        return None
    task = result if result.get("resultType") == "task" else result.get("task")
    found = task.get("taskId") if isinstance(task, Mapping) else None
    return found if isinstance(found, str) else None
