"""The servers: those of this process (`MCP_SERVERS_DIR`), and those that run elsewhere (`MCP_SERVERS_FILE`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp.server.mcpserver import MCPServer

from features.feature import Lifetime
from features.versions import routing
from gateway.call import Interceptor
from gateway.errors import LoadError
from gateway.local.discovery import Found as ServerFile
from gateway.local.discovery import discover, load
from gateway.local.server import LocalServer
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.native import Access
from gateway.sdk.sessions import Limits
from gateway.servers.changes import Changes
from gateway.servers.registry import Registry
from gateway.servers.stamps import Stamps, stamps
from settings.values import Settings

if TYPE_CHECKING:
    from features.upstream import UpstreamServers
    from gateway.servers.following import Following
    from gateway.upstream.admission.rules import Rules
    from gateway.upstream.config import Upstream
    from gateway.versions.routing import Routing


@dataclass(frozen=True, slots=True)
class Found:
    """The servers before they are served: server objects, and entries of the file, by their names.

    `followed` says where they come from, if that is followed. `routing` is None if no tool has versions. `rules` makes
    the rules for entries of the admin API, which shows the last lines of children if `keeps_lines`.
    """

    local: Mapping[str, MCPServer[Any]] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    pins_file: str = ""
    followed: Followed | None = None
    routing: Routing | None = None
    rules: Callable[[], Rules] = field(default=lambda: _rules(Settings()), compare=False)
    keeps_lines: bool = False

    @property
    def may_exchange(self) -> bool:
        """True if a server is, or may later be, called with tokens in exchange for the callers' own."""
        return self.followed is not None or any(entry.exchanges_tokens for entry in self.upstream.values())

    @property
    def names(self) -> Sequence[str]:
        return [*self.local, *self.upstream]


@dataclass(frozen=True, slots=True)
class Begun:
    """The servers that are held: what is entered after them, and what makes and follows those that run elsewhere."""

    lifetimes: Sequence[Lifetime] = ()
    upstream: UpstreamServers | None = None
    following: Following | None = None


class Named(NamedTuple):
    """The servers that are wanted: files, not loaded yet, and entries."""

    files: Mapping[str, ServerFile]
    upstream: Mapping[str, Upstream]


@dataclass(frozen=True, slots=True)
class Followed:
    """The descriptions of the servers, and the `stamps` of all files from before they were read.

    `again` reads them again, and `watched` are the paths where others may appear. A server that goes has `grace`
    seconds for its requests in flight.
    """

    named: Named
    stamps: Stamps
    again: Callable[[], Named]
    watched: Callable[[], Sequence[Path]]
    grace: float


def find_servers(settings: Settings) -> Found:
    """Raises LoadError if a file cannot be served."""
    again, watched = partial(name_servers, settings), partial(_watched, settings)
    before = stamps(watched()) if settings.follow else {}
    named = again()
    followed = Followed(named, before, again, watched, settings.shutdown_grace) if settings.follow else None
    local = dict(load([*named.files.values()]))
    routes = routing(settings.tool_routes, local, are_followed=settings.follow)
    rules = partial(_rules, settings)
    return Found(local, named.upstream, settings.pins_file, followed, routes, rules, settings.admin)


def name_servers(settings: Settings) -> Named:
    """Raises LoadError if a file or a name cannot be served."""
    upstream = _upstreams(settings)
    only = [name for name in settings.servers if name not in upstream]
    wanted = {name: entry for name, entry in upstream.items() if not settings.servers or name in settings.servers}
    needs_folders = bool(only) or not settings.servers
    found = discover(settings.servers_dir, only, settings.servers_file) if needs_folders else []
    files = {server.name: server for server in found}
    for name in upstream:
        if name in files:
            raise LoadError(f"MCP_SERVERS_FILE: the name {name!r} is taken by a file of MCP_SERVERS_DIR")
    pinned = [name for name, entry in wanted.items() if entry.pin != "off"]
    if pinned and not settings.pins_file:
        raise LoadError(f"MCP_PINS_FILE is not set, which `pin` of server {pinned[0]!r} in MCP_SERVERS_FILE needs")
    exchanging = [name for name, entry in wanted.items() if entry.exchanges_tokens]
    if exchanging and not settings.auth_issuer:
        name = exchanging[0]
        raise LoadError(f"MCP_AUTH_ISSUER is not set, which `auth` of server {name!r} in MCP_SERVERS_FILE needs")
    return Named(files, wanted)


def _watched(settings: Settings) -> Sequence[Path]:
    """Returns the paths that may say something else later: folders, their modules, and the file of entries."""
    folders = [Path(folder) for folder in settings.servers_dir]
    modules = [path for folder in folders for pattern in ("*.py", "*/*.py") for path in folder.glob(pattern)]
    return [*folders, *modules, *([Path(settings.servers_file)] if settings.servers_file else [])]


def _rules(settings: Settings) -> Rules:
    from gateway.upstream.admission.rules import Rules

    return Rules(settings.admin_stdio, settings.admin_networks, settings.admin_env, os.environ)


def _upstreams(settings: Settings) -> Mapping[str, Upstream]:
    if not settings.servers_file:
        return {}
    from gateway.upstream.config import read_upstreams

    return read_upstreams(Path(settings.servers_file))


def hold_servers(
    found: Found,
    registry: Registry,
    interceptors: Sequence[Interceptor],
    limits: Limits,
    access: Access | None,
    *,
    states: WaitingStates,
    exchange: Exchange | None,
) -> Begun:
    """Adds the servers to the registry, which opens them with the application."""
    changed = registry.changed
    local = partial(
        LocalServer,
        interceptors=interceptors,
        limits=limits,
        access=access,
        changed=changed,
        states=states,
        routing=found.routing,
        exchange=exchange,
    )
    for name, mcp in found.local.items():
        registry.hold(local(name, mcp))
    if not found.upstream and found.followed is None:
        return Begun()
    from features.upstream import UpstreamServers

    options: Any = {"access": access, "changed": changed, "states": states, "rules": found.rules}
    options |= {"keeps_lines": found.keeps_lines, "exchange": exchange}
    upstream = UpstreamServers(found.pins_file, interceptors, limits, **options)
    for name, entry in found.upstream.items():
        registry.hold(upstream.make(name, entry))
    if found.followed is None:
        return Begun((upstream.running, upstream.starts.awaited), upstream)
    from features.follow import following

    changes = Changes(registry, found.followed.grace)
    follows = following(found.followed, registry, changes, local, upstream)
    return Begun((upstream.running, upstream.starts.awaited, follows.running), upstream, follows)
