"""The servers of `MCP_SERVERS_FILE` as they are described, for whatever follows the file."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from features.upstream import UpstreamServers
from gateway.server import Server
from gateway.upstream.config import Upstream
from gateway.upstream.server import UpstreamServer
from gateway.upstream.versions.described import Member


class EntrySource:
    """The `Source` of an entry of `MCP_SERVERS_FILE`: a server that is there is changed, and keeps its sessions."""

    retries = True
    files: Set[Path] = frozenset()

    def __init__(self, name: str, entry: Upstream, servers: UpstreamServers) -> None:
        self._name = name
        self._entry = entry
        self._servers = servers

    @property
    def version(self) -> object:
        return self._entry

    def load(self) -> None:
        """Has nothing to read."""

    def make(self) -> Server:
        return self._servers.make(self._name, self._entry)

    async def change(self, server: Server, grace: float) -> bool:
        if not isinstance(server, UpstreamServer):
            return False
        await self._servers.change(server, self._entry, grace)
        return True

    async def ready(self, server: Server) -> None:
        assert isinstance(server, UpstreamServer)
        await server.ready()


class VersionsSource:
    """The `Source` of a server whose tools have versions. One that is there is replaced: its sessions end."""

    retries = True
    files: Set[Path] = frozenset()

    def __init__(self, name: str, members: Sequence[Member], servers: UpstreamServers) -> None:
        self._name = name
        self._members = members
        self._servers = servers

    @property
    def version(self) -> object:
        return self._members

    def load(self) -> None:
        """Has nothing to read."""

    def make(self) -> Server:
        return self._servers.make_versioned(self._name, self._members)

    async def change(self, server: Server, grace: float) -> bool:
        return False

    async def ready(self, server: Server) -> None:
        assert isinstance(server, UpstreamServer)
        await server.ready()
