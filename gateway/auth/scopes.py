"""Scopes: `server:tool` and `server:tool@version` patterns, in which `*` stands for any characters; `admin` for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress

from gateway.tool import ToolInfo, version_of
from gateway.versions.pin import Pin
from gateway.versions.pinned import Pins
from gateway.versions.version import Version
from gateway.wildcard import Wildcard

ADMIN = "admin"
MAX_CACHED_DECISIONS = 128


class Scopes:
    """The `Grants` of a principal.

    A scope that is no such pattern grants nothing: tokens carry scopes for other services too. With `destructive`,
    a tool marked `destructiveHint` needs this scope in addition, and so does an unknown tool. `admin` includes it.
    A credential that was issued for some `servers` only covers nothing on other servers. A pattern with a version, such
    as `math:search@1`, covers the versions that this pin matches; one without covers all. `pins` are for calls that ask
    for no version.
    """

    def __init__(
        self,
        patterns: Iterable[str],
        destructive: str = "",
        servers: Collection[str] | None = None,
        pins: Pins | None = None,
    ) -> None:
        given = frozenset(patterns)
        self._is_admin = ADMIN in given
        # Split at the first colon: names of tools may have one, names of servers may not.
        halves = [pattern.partition(":") for pattern in given]
        self._patterns = [_Pattern(server, tool) for server, _, tool in halves if server and tool]
        self._missing_destructive = "" if self._is_admin or destructive in given else destructive
        self._servers = servers
        self._pins = pins
        self._knows_versions = any(pattern.versions is not None for pattern in self._patterns)
        self._decisions: dict[tuple[str, str, str], bool] = {}

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        if self._servers is not None and server not in self._servers:
            return False
        if self._is_admin:
            return True
        if isinstance(tool, str):
            return not self._missing_destructive and self._matches_asked(server, tool)
        if self._missing_destructive and tool.get("annotations", {}).get("destructiveHint"):
            return False
        key = (server, tool["name"], version_of(tool) if self._knows_versions else "")
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

    def pinned(self, server: str, tool: str) -> str | None:
        return None if self._pins is None else self._pins.find(server, tool)

    def administers(self) -> bool:
        return self._is_admin and self._servers is None

    def missing(self, server: str, tool: str, asked: str) -> str:
        has_pattern = self._is_admin or self._matches_asked(server, tool)
        # With a pattern, what is missing may also be the server in the audience: the answer is what a new token needs.
        return (self._missing_destructive if has_pattern else "") or f"{server}:{asked}"

    def _matches_asked(self, server: str, tool: str) -> bool:
        """Matches the name of a tool that does not exist, or does not in the version that is asked for."""
        return self._matches(server, tool) or ("@" in tool and self._matches(server, tool.rpartition("@")[0]))

    def _matches(self, server: str, tool: str, version: str = "") -> bool:
        return any(each.server.matches(server) and each.covers(tool, version) for each in self._patterns)


class _Pattern:
    """A `server:tool` pattern. The halves are matched apart, so that `*` does not reach over the colon."""

    __slots__ = ("area", "base", "every_tool", "server", "tool", "versions")

    def __init__(self, server: str, tool: str) -> None:
        self.area = server
        self.server = Wildcard(server)
        self.tool = Wildcard(tool)
        self.every_tool = not tool.strip("*")
        base, _, version = tool.rpartition("@")
        self.base = Wildcard(base)
        self.versions: Pin | None = None
        with suppress(ValueError):
            self.versions = Pin(version) if base else None

    def covers(self, tool: str, version: str) -> bool:
        if self.tool.matches(tool):
            return True
        if self.versions is None or not version or not self.base.matches(tool):
            return False
        try:
            return self.versions.matches(Version.of(version))
        except ValueError:  # a server elsewhere says that this is its version
            return False
