"""Servers that change while the router runs: `MCP_FOLLOW=1` follows `MCP_SERVERS_FILE` and the files of servers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from features.local import Followed, MakeLocal
from features.named import Named
from features.sources import EntrySource, VersionsSource
from features.upstream import UpstreamServers
from gateway.errors import LoadError
from gateway.local.changing.server import ChangingServer
from gateway.local.discovery import Found as ServerFile
from gateway.local.discovery import load
from gateway.server import Server
from gateway.servers.changes import Changes
from gateway.servers.files import Files, FollowedSource
from gateway.servers.following import Following
from gateway.servers.held import start_error
from gateway.servers.registry import Registry


def following(
    followed: Followed, registry: Registry, changes: Changes, local: MakeLocal, upstream: UpstreamServers
) -> Following:
    files: dict[str, ServerFile] = {}

    def described(named: Named) -> Mapping[str, FollowedSource]:
        # Those that were loaded know the modules that they have imported.
        files.update({name: file for name, file in named.files.items() if files.get(name) != file})
        sources: dict[str, FollowedSource] = {name: _FileSource(files[name], local) for name in named.files}
        for name, entry in named.upstream.items():
            sources[name] = EntrySource(name, entry, upstream)
        for name, members in named.versioned.items():
            sources[name] = VersionsSource(name, members, upstream)
        return sources

    files_of_all = Files(
        described(followed.named), followed.stamps, lambda: described(followed.again()), followed.watched
    )
    return Following(registry, changes, files_of_all)


class _FileSource:
    """A file of `MCP_SERVERS_DIR`. Its server gets other code after it or a module that it imports has changed."""

    retries = False

    def __init__(self, file: ServerFile, make: MakeLocal) -> None:
        self._file = file
        self._make = make
        self._mcp: MCPServer[Any] | None = None

    @property
    def version(self) -> object:
        return self._file.path

    @property
    def files(self) -> Set[Path]:
        return set(self._file.files) | {self._file.path}

    def load(self) -> None:
        for path in self._file.files:
            # A file that changes twice in a second, without changing its size, has compiled code that looks up to date.
            with suppress(OSError, NotImplementedError):
                os.unlink(cache_from_source(path))
        try:
            ((_, self._mcp),) = load([self._file])
        except LoadError:  # any module of its folder may be the one that has to change
            self._file.files.update(self._file.path.parent.glob("*.py"))
            raise

    def make(self) -> Server:
        assert self._mcp is not None
        return self._make(self._file.name, self._mcp)

    async def change(self, server: Server, grace: float) -> bool:
        if not isinstance(server, ChangingServer):
            return False
        assert self._mcp is not None
        await server.change(self._mcp, grace, start_error)
        return True

    async def ready(self, server: Server) -> None:
        """Waits for nothing: what is open is ready."""
