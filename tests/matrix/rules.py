"""A rule: its settings, and the outcomes that calls must have in every way to call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mcp.server.mcpserver import MCPServer

from tests.matrix.ways import Headers, Outcome


class Call(Protocol):
    """Calls a tool of the server `one` in the way under test."""

    def __call__(
        self, tool: str, headers: Headers | None = None, /, **arguments: Any
    ) -> Coroutine[Any, Any, Outcome]: ...


def no_settings(folder: Path) -> dict[str, Any]:
    return {}


def no_tools(server: MCPServer[Any]) -> None:
    """Adds no tool."""


@dataclass(frozen=True)
class Rule:
    """`settings` may write files into the given folder. `check` makes calls and asserts their outcomes.

    `serve` adds tools to the server `one` that the rule needs. It `needs_names` that no field of GraphQL can have.
    """

    name: str
    check: Callable[[Call], Coroutine[Any, Any, None]]
    settings: Callable[[Path], Mapping[str, Any]] = no_settings
    needs_redis: bool = False
    serve: Callable[[MCPServer[Any]], None] = no_tools
    needs_names: bool = False
