"""Scopes of a credential that was issued for some servers only: they cover nothing on other servers."""

from __future__ import annotations

from collections.abc import Collection

from gateway.auth.scopes import Scopes
from gateway.tool import ToolInfo


class AudienceScopes:
    """The `Grants` of a token whose audience names `servers`."""

    def __init__(self, servers: Collection[str], scopes: Scopes) -> None:
        self._servers = servers
        self._scopes = scopes

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        return server in self._servers and self._scopes.covers(server, tool)

    def covers_all_of(self, server: str) -> bool:
        return server in self._servers and self._scopes.covers_all_of(server)

    def missing(self, server: str, tool: str, asked: str) -> str:
        """Returns the missing scope; if only the audience is wrong, the scope that a new token would need."""
        return self._scopes.missing(server, tool, asked) or f"{server}:{asked}"
