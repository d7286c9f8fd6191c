"""Servers that change while the router runs: `MCP_FOLLOW=1` follows `MCP_SERVERS_FILE` and the files of servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from features.local import Found, Named
from features.upstream import UpstreamServers
from gateway.local.discovery import Found as ServerFile
from gateway.local.discovery import load
from gateway.local.server import LocalServer
from gateway.server import Server
from gateway.servers.following import Following, Source, stamps
from gateway.servers.registry import Registry
from gateway.upstream.config import Upstream
from gateway.upstream.server import UpstreamServer

MakeLocal = Callable[[str, MCPServer[Any]], LocalServer]


def following(
    found: Found, again: Callable[[], Named], registry: Registry, local: MakeLocal, upstream: UpstreamServers
) -> Following:
    files = dict(found.files)

    def described() -> _Described:
        named = again()
        # Those that were loaded know the modules that they have imported.
        files.update({name: file for name, file in named.files.items() if files.get(name) != file})
        sources: dict[str, Source] = {name: _File(files[name], local) for name in named.files}
        for name, entry in named.upstream.items():
            sources[name] = _Entry(name, entry, upstream)
        return _Described(sources, [*named.watched, *(path for name in named.files for path in files[name].files)])

    return Following(registry, described, found.grace)


@dataclass(frozen=True, slots=True)
class _Described:
    sources: Mapping[str, Source]
    watched: list[Path]


class _File:
    """A file of `MCP_SERVERS_DIR`. Its server is made again after it or a module that it imports has changed."""

    def __init__(self, file: ServerFile, make: MakeLocal) -> None:
        self._file = file
        self._make = make
        self._mcp: MCPServer[Any] | None = None

    def version(self) -> object:
        return self._file.path, stamps({self._file.path, *self._file.files})

    def load(self) -> None:
        for path in self._file.files:
            # A file that changes twice in a second, without changing its size, has compiled code that looks up to date.
            with suppress(OSError, NotImplementedError):
                os.unlink(cache_from_source(path))
        ((_, self._mcp),) = load([self._file])

    def make(self) -> Server:
        assert self._mcp is not None
        return self._make(self._file.name, self._mcp)

    async def ready(self, server: Server) -> None:
        """Waits for nothing: what is open is ready."""


class _Entry:
    """An entry of `MCP_SERVERS_FILE`. Its server is made again when the entry has changed."""

    def __init__(self, name: str, entry: Upstream, servers: UpstreamServers) -> None:
        self._name = name
        self._entry = entry
        self._servers = servers

    def version(self) -> object:
        return self._entry

    def load(self) -> None: ...

    def make(self) -> Server:
        return self._servers.make(self._name, self._entry)

    async def ready(self, server: Server) -> None:
        assert isinstance(server, UpstreamServer)
        await server.ready()
