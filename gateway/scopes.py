"""What a caller may do: `server:tool` patterns."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from gateway.server import ToolInfo


class Scopes:
    """`patterns` as they stand in a key or a token; `admin` is all."""

    def __init__(self, patterns: Iterable[str], destructive: str = "") -> None:
        self._patterns = tuple(patterns)

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        name = tool if isinstance(tool, str) else tool["name"]
        return any(one == "admin" or fnmatchcase(f"{server}:{name}", one) for one in self._patterns)

    def covers_all_of(self, server: str) -> bool:
        return any(one in ("admin", "*", "*:*", f"{server}:*") for one in self._patterns)

    def missing(self, server: str, tool: str, asked: str) -> str:
        return "" if self.covers(server, tool) else f"{server}:{asked}"
