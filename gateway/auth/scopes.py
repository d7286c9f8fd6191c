"""What a caller may do, in scopes: `server:tool`, with `*` for any characters, or `admin` for everything."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.server import ToolInfo
from gateway.wildcard import Wildcard

ADMIN = "admin"
_MOST = 128


class Scopes:
    """The `Grants` of a principal. A pattern of another form grants nothing: tokens carry scopes meant for others.

    With `destructive`, a tool marked `destructiveHint` needs this scope besides, and so does one of which only the
    name is known. `admin` covers it.
    """

    def __init__(self, patterns: Iterable[str], destructive: str = "") -> None:
        given = frozenset(patterns)
        self._everything = ADMIN in given
        self._patterns = [_Pattern(*parts) for each in given if (parts := _parts(each)) is not None]
        self._lacks = "" if self._everything or destructive in given else destructive
        self._known: dict[tuple[str, str], bool] = {}

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        if self._everything:
            return True
        if isinstance(tool, str):
            return not self._lacks and self._match(server, tool)
        if self._lacks and _is_destructive(tool):
            return False
        key = (server, tool["name"])
        covered = self._known.get(key)
        if covered is None:
            covered = self._match(*key)
            if len(self._known) < _MOST:  # only of tools that there are: a name that a client made up is not kept
                self._known[key] = covered
        return covered

    def covers_all_of(self, server: str) -> bool:
        return self._everything or any(each.every_tool and each.server.matches(server) for each in self._patterns)

    def missing(self, server: str, tool: str, asked: str) -> str:
        inside = self._everything or self._match(server, tool)
        return self._lacks if inside else f"{server}:{asked}"

    def _match(self, server: str, tool: str) -> bool:
        return any(each.server.matches(server) and each.tool.matches(tool) for each in self._patterns)


class _Pattern:
    """`server:tool`, the two halves apart: a `*` does not reach over the colon."""

    __slots__ = ("every_tool", "server", "tool")

    def __init__(self, server: str, tool: str) -> None:
        self.server = Wildcard(server)
        self.tool = Wildcard(tool)
        self.every_tool = not tool.strip("*")


def _parts(pattern: str) -> tuple[str, str] | None:
    """Before and after the first colon; None where that is no pattern. No server's name has a colon, a tool's may."""
    server, colon, tool = pattern.partition(":")
    return (server, tool) if server and tool and colon else None


def _is_destructive(tool: ToolInfo) -> bool:
    return bool(tool.get("annotations", {}).get("destructiveHint"))
