"""Scopes: `server:tool` patterns, in which `*` stands for any characters, and `admin` for everything."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.tool import ToolInfo
from gateway.wildcard import Wildcard

ADMIN = "admin"
MAX_CACHED_DECISIONS = 128


class Scopes:
    """The `Grants` of a principal.

    A scope that is no such pattern grants nothing: tokens carry scopes for other services too. With `destructive`,
    a tool marked `destructiveHint` needs this scope in addition, and so does an unknown tool. `admin` includes it.
    """

    def __init__(self, patterns: Iterable[str], destructive: str = "") -> None:
        given = frozenset(patterns)
        self._is_admin = ADMIN in given
        self._patterns = [_Pattern(*parts) for each in given if (parts := _split(each)) is not None]
        self._missing_destructive = "" if self._is_admin or destructive in given else destructive
        self._decisions: dict[tuple[str, str], bool] = {}

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        if self._is_admin:
            return True
        if isinstance(tool, str):
            return not self._missing_destructive and self._matches(server, tool)
        if self._missing_destructive and _is_destructive(tool):
            return False
        key = (server, tool["name"])
        covered = self._decisions.get(key)
        if covered is None:
            covered = self._matches(*key)
            # Only names of existing tools get here, so clients cannot fill the cache with made-up names.
            if len(self._decisions) < MAX_CACHED_DECISIONS:
                self._decisions[key] = covered
        return covered

    def covers_all_of(self, server: str) -> bool:
        return self._is_admin or any(each.every_tool and each.server.matches(server) for each in self._patterns)

    def missing(self, server: str, tool: str, asked: str) -> str:
        has_pattern = self._is_admin or self._matches(server, tool)
        return self._missing_destructive if has_pattern else f"{server}:{asked}"

    def _matches(self, server: str, tool: str) -> bool:
        return any(each.server.matches(server) and each.tool.matches(tool) for each in self._patterns)


class _Pattern:
    """A `server:tool` pattern. The halves are matched apart, so that `*` does not reach over the colon."""

    __slots__ = ("every_tool", "server", "tool")

    def __init__(self, server: str, tool: str) -> None:
        self.server = Wildcard(server)
        self.tool = Wildcard(tool)
        self.every_tool = not tool.strip("*")


def _split(pattern: str) -> tuple[str, str] | None:
    """Splits at the first colon: names of tools may have one, names of servers may not. None if malformed."""
    server, colon, tool = pattern.partition(":")
    return (server, tool) if server and tool and colon else None


def _is_destructive(tool: ToolInfo) -> bool:
    return bool(tool.get("annotations", {}).get("destructiveHint"))
