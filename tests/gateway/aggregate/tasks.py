"""A server with the tasks extension: its tool `begin` answers with a task, which clients poll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolRequestParams, GetTaskRequestParams, PaginatedRequestParams

from tests.gateway.aggregate.linking import SKILL

Result = dict[str, Any]


class Tasks(Extension):
    """Every call of a tool whose name begins with `begin` makes a task. They are numbered in each server from 1."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, name: str) -> None:
        self._name = name
        self.made: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []

    def settings(self) -> Result:
        return {"list": {}, self._name: {}}

    def methods(self) -> Sequence[MethodBinding]:
        of_task = [MethodBinding(f"tasks/{name}", GetTaskRequestParams, self._of_task) for name in OF_TASK]
        return [*of_task, MethodBinding("tasks/list", PaginatedRequestParams, self._list)]

    async def intercept_tool_call(self, params: CallToolRequestParams, ctx: Any, call_next: Any) -> Any:
        if not params.name.startswith("begin"):
            return await call_next(ctx)
        task = f"task-{len(self.made) + 1}"
        self.made[task] = "working"
        return {"resultType": "task", "taskId": task, "status": "working"}

    async def _of_task(self, ctx: Any, params: GetTaskRequestParams) -> Result:
        self.asked.append((ctx.method, params.task_id))
        if ctx.method == "tasks/cancel":
            self.made[params.task_id] = "cancelled"
        link = {"type": "resource_link", "name": "link", "uri": SKILL}
        result = {"content": [link], "structuredContent": {"taskId": params.task_id}, "server": self._name}
        return {"taskId": params.task_id, "status": self.made[params.task_id], "result": result}

    async def _list(self, ctx: Any, params: Any) -> Result:
        return {"tasks": [{"taskId": task, "status": status} for task, status in self.made.items()]}


OF_TASK = ["get", "result", "update", "cancel"]


def make(name: str) -> tuple[MCPServer[Any], Tasks]:
    tasks = Tasks(name)
    server: MCPServer[Any] = MCPServer(name, extensions=[tasks])

    @server.tool()
    async def begin() -> str:
        raise AssertionError("each call makes a task")

    @server.tool()
    async def begin_other() -> str:
        raise AssertionError("each call makes a task")

    return server, tasks
