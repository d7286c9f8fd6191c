"""The servers: those of this process (`MCP_SERVERS_DIR`), and those that run elsewhere (`MCP_SERVERS_FILE`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import MCPServer

from features.feature import Lifetime
from features.named import Named, Versioned, entries_of, name_servers, watched
from features.versions import routing
from gateway.call import Interceptor
from gateway.local.discovery import load
from gateway.local.server import LocalServer
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.native import Access
from gateway.sdk.sessions.sessions import Limits
from gateway.server import Server
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
    """The servers before they are served: server objects, entries of the file, and versions of those, by their names.

    `followed` says where they come from, if that is followed. `routing` is None if no tool has versions. `rules` makes
    the rules for entries of the admin API, which shows the last lines of children if `keeps_lines`.
    """

    local: Mapping[str, MCPServer[Any]] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    pins_file: str = ""
    followed: Followed | None = None
    routing: Routing | None = None
    versioned: Versioned = field(default_factory=dict)
    rules: Callable[[], Rules] = field(default=lambda: _rules(Settings()), compare=False)
    keeps_lines: bool = False

    @property
    def may_exchange(self) -> bool:
        """True if a server is, or may later be, called with tokens in exchange for the callers' own."""
        return self.followed is not None or any(
            entry.exchanges_tokens for _, entry in entries_of(self.upstream, self.versioned)
        )

    @property
    def names(self) -> Sequence[str]:
        return [*self.local, *self.upstream, *self.versioned]


@dataclass(frozen=True, slots=True)
class Begun:
    """The servers that are held: what is entered after them, and what makes and follows those that run elsewhere."""

    lifetimes: Sequence[Lifetime] = ()
    upstream: UpstreamServers | None = None
    following: Following | None = None


MakeLocal = Callable[[str, MCPServer[Any]], Server]
"""Makes the server of a file, by its name and its server object."""


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
    again, watching = partial(name_servers, settings), partial(watched, settings)
    before = stamps(watching()) if settings.follow else {}
    named = again()
    followed = Followed(named, before, again, watching, settings.shutdown_grace) if settings.follow else None
    local = dict(load([*named.files.values()]))
    elsewhere = {name: [member.version for member in members] for name, members in named.versioned.items()}
    routes = routing(settings.tool_routes, local, elsewhere, are_followed=settings.follow)
    rules = partial(_rules, settings)
    return Found(local, named.upstream, settings.pins_file, followed, routes, named.versioned, rules, settings.admin)


def _rules(settings: Settings) -> Rules:
    from gateway.upstream.admission.rules import Rules

    return Rules(settings.admin_stdio, settings.admin_networks, settings.admin_env, os.environ)


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
    shared: Any = {"limits": limits, "access": access, "changed": changed, "exchange": exchange}
    own: Any = {"interceptors": interceptors, "states": states, "routing": found.routing}
    alone = partial(LocalServer, **shared, **own)
    local: MakeLocal = alone
    if found.followed is not None:
        from gateway.local.changing.server import ChangingServer

        local = partial(ChangingServer, make=alone, **shared)
    for name, mcp in found.local.items():
        registry.hold(local(name, mcp))
    if not (found.upstream or found.versioned or found.followed):
        return Begun()
    from features.upstream import UpstreamServers

    options: Any = {"access": access, "changed": changed, "states": states, "rules": found.rules}
    options |= {"keeps_lines": found.keeps_lines, "exchange": exchange, "routing": found.routing}
    upstream = UpstreamServers(found.pins_file, interceptors, limits, **options)
    for server in upstream.made(found.upstream, found.versioned):
        registry.hold(server)
    if found.followed is None:
        return Begun((upstream.running, upstream.starts.awaited), upstream)
    from features.follow import following

    changes = Changes(registry, found.followed.grace)
    follows = following(found.followed, registry, changes, local, upstream)
    return Begun((upstream.running, upstream.starts.awaited, follows.running), upstream, follows)
