"""What a caller may do, in scopes: `server:tool`, with `*` for any characters, or `admin` for everything."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.server import ToolInfo

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
        self.server = _Wildcard(server)
        self.tool = _Wildcard(tool)
        self.every_tool = not tool.strip("*")


class _Wildcard:
    """A text in which `*` stands for any characters. In the time of the text's length: no pattern makes it slow."""

    __slots__ = ("_first", "_last", "_least", "_only", "_within")

    def __init__(self, pattern: str) -> None:
        self._first, *rest = pattern.split("*")
        self._only = not rest
        self._last = rest.pop() if rest else ""
        self._within = [piece for piece in rest if piece]
        self._least = len(self._first) + len(self._last)

    def matches(self, text: str) -> bool:
        if self._only:
            return text == self._first
        if len(text) < self._least or not (text.startswith(self._first) and text.endswith(self._last)):
            return False
        at, end = len(self._first), len(text) - len(self._last)
        for piece in self._within:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def _parts(pattern: str) -> tuple[str, str] | None:
    """Before and after the first colon; None where that is no pattern. No server's name has a colon, a tool's may."""
    server, colon, tool = pattern.partition(":")
    return (server, tool) if server and tool and colon else None


def _is_destructive(tool: ToolInfo) -> bool:
    return bool(tool.get("annotations", {}).get("destructiveHint"))
