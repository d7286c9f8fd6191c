"""Tasks: calls that a server goes on with after it has answered. An extension of MCP, which some servers have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR

from gateway.errors import Gone, UnknownResultType

TASK = "task"
"""The `resultType` of an answer that is a task."""

GET, UPDATE, CANCEL = "tasks/get", "tasks/update", "tasks/cancel"


def task_in(result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the task in an answer that is one. Raises UnknownResultType if it has no id."""
    task = result["task"] if isinstance(result.get("task"), Mapping) else result
    if not isinstance(task.get("taskId"), str):
        raise UnknownResultType
    return {key: value for key, value in task.items() if key != "_meta"} | {"resultType": TASK}


def result_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the result of the tool from an answer to `tasks/get`, or the task if that is not over.

    Raises:
        MCPError: the task failed.
        Gone: it was cancelled.
        UnknownResultType: the answer is no task.
    """
    task = task_in(answer)
    status, result, error = task.get("status"), task.get("result"), task.get("error")
    if status == "cancelled":
        raise Gone("The task was cancelled.")
    if status == "failed":
        text = error.get("message") if isinstance(error, Mapping) else task.get("statusMessage")
        raise MCPError(INTERNAL_ERROR, text if isinstance(text, str) else "The task failed.")
    if status != "completed":
        return task
    if not isinstance(result, Mapping):
        raise UnknownResultType
    return {"resultType": "complete", **result}
