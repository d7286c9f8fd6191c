"""A rule: the settings that turn it on, and what must come of calls whatever way they came in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mcp.server.mcpserver import MCPServer

from tests.matrix.ways import Headers, Outcome


class Call(Protocol):
    """Calls a tool of the server `one` by the way in that the rule is held against."""

    def __call__(
        self, tool: str, headers: Headers | None = None, /, **arguments: Any
    ) -> Coroutine[Any, Any, Outcome]: ...


def nothing(folder: Path) -> dict[str, Any]:
    return {}


def nothing_more(server: MCPServer[Any]) -> None:
    """The tools that there are will do."""


@dataclass(frozen=True)
class Rule:
    """`settings` may write files into the folder it is given. `check` makes calls, and asserts what came of them.

    `serve` adds to the server `one` what the rule needs of it.
    """

    name: str
    check: Callable[[Call], Coroutine[Any, Any, None]]
    settings: Callable[[Path], Mapping[str, Any]] = nothing
    needs_redis: bool = False
    serve: Callable[[MCPServer[Any]], None] = nothing_more
