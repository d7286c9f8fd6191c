"""How an execution calls tools, and what it needs to know of their failures."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from gateway.call import Report, ToolResult
from gateway.graphql.tools import Target


class CallFailed(Exception):
    """A call without a result. `extensions` are those of its error in the answer."""

    def __init__(self, message: str, extensions: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.extensions = extensions


class Calls(Protocol):
    """Takes the calls of one request through the chain."""

    def call(
        self, target: Target, arguments: dict[str, Any], resume: Mapping[str, Any], report: Report | None
    ) -> Coroutine[Any, Any, ToolResult]:
        """Calls a tool, or continues a call that asked. Raises CallFailed."""
        ...

    def refuse(self, server: str | None, field: str) -> Coroutine[Any, Any, None]:
        """Refuses a field that is no tool of the caller's. Raises CallFailed."""
        ...

    def failure(self, slug: str, detail: str, target: Target | None) -> CallFailed:
        """Returns the failure of a call that has not begun, or whose result cannot be sent."""
        ...
