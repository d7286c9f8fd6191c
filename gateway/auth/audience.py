"""What a credential made for some servers covers: nothing of the others, whatever its scopes say."""

from __future__ import annotations

from collections.abc import Collection

from gateway.auth.scopes import Scopes
from gateway.server import ToolInfo


class Within:
    def __init__(self, servers: Collection[str], scopes: Scopes) -> None:
        self._servers = servers
        self._scopes = scopes

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        return server in self._servers and self._scopes.covers(server, tool)

    def covers_all_of(self, server: str) -> bool:
        return server in self._servers and self._scopes.covers_all_of(server)

    def missing(self, server: str, tool: str, asked: str) -> str:
        """The scope; where it is not the scope that is missing, the one that a token for that server would need."""
        return self._scopes.missing(server, tool, asked) or f"{server}:{asked}"
