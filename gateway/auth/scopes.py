"""Scopes: `server:tool` patterns, in which `*` stands for any characters, and `admin` for everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.tool import ToolInfo
from gateway.wildcard import Wildcard

ADMIN = "admin"
MAX_CACHED_DECISIONS = 128


class Scopes:
    """The `Grants` of a principal.

    A scope that is no such pattern grants nothing: tokens carry scopes for other services too. With `destructive`,
    a tool marked `destructiveHint` needs this scope in addition, and so does an unknown tool. `admin` includes it.
    A credential that was issued for some `servers` only covers nothing on other servers.
    """

    def __init__(self, patterns: Iterable[str], destructive: str = "", servers: Collection[str] | None = None) -> None:
        given = frozenset(patterns)
        self._is_admin = ADMIN in given
        # Split at the first colon: names of tools may have one, names of servers may not.
        halves = [pattern.partition(":") for pattern in given]
        self._patterns = [_Pattern(server, tool) for server, _, tool in halves if server and tool]
        self._missing_destructive = "" if self._is_admin or destructive in given else destructive
        self._servers = servers
        self._decisions: dict[tuple[str, str], bool] = {}

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        if self._servers is not None and server not in self._servers:
            return False
        if self._is_admin:
            return True
        if isinstance(tool, str):
            return not self._missing_destructive and self._matches(server, tool)
        if self._missing_destructive and tool.get("annotations", {}).get("destructiveHint"):
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
        if self._servers is not None and server not in self._servers:
            return False
        return self._is_admin or any(each.every_tool and each.server.matches(server) for each in self._patterns)

    def covers_own(self, area: str, action: str) -> bool:
        if self._servers is not None:
            return False
        return self._is_admin or any(each.area == area and each.tool.matches(action) for each in self._patterns)

    def administers(self) -> bool:
        return self._is_admin and self._servers is None

    def missing(self, server: str, tool: str, asked: str) -> str:
        has_pattern = self._is_admin or self._matches(server, tool)
        # With a pattern, what is missing may also be the server in the audience: the answer is what a new token needs.
        return (self._missing_destructive if has_pattern else "") or f"{server}:{asked}"

    def _matches(self, server: str, tool: str) -> bool:
        return any(each.server.matches(server) and each.tool.matches(tool) for each in self._patterns)


class _Pattern:
    """A `server:tool` pattern. The halves are matched apart, so that `*` does not reach over the colon."""

    __slots__ = ("area", "every_tool", "server", "tool")

    def __init__(self, server: str, tool: str) -> None:
        self.area = server
        self.server = Wildcard(server)
        self.tool = Wildcard(tool)
        self.every_tool = not tool.strip("*")
