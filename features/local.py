"""The servers: those of this process (`MCP_SERVERS_DIR`), and those that run elsewhere (`MCP_SERVERS_FILE`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp.server.mcpserver import MCPServer

from features.feature import Lifetime
from gateway.call import Interceptor
from gateway.errors import LoadError
from gateway.local.discovery import Found as ServerFile
from gateway.local.discovery import discover, load
from gateway.local.server import LocalServer
from gateway.places import Places, part
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.asking.waiting import WAITING
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.native import Access
from gateway.sdk.openings import CountOpening
from gateway.sdk.sessions import Limits
from gateway.servers.registry import Registry
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.upstream.config import Upstream

MAX_WAITING = 1000
"""The calls that wait for input, over all servers."""


@dataclass(frozen=True, slots=True)
class Found:
    """The servers before they are served: server objects, and entries of the file, by their names.

    `files` are where the server objects come from. `again` finds the servers of changed files, if they are followed.
    """

    local: Mapping[str, MCPServer[Any]] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    pins_file: str = ""
    files: Mapping[str, ServerFile] = field(default_factory=dict)
    again: Callable[[], Named] | None = None
    grace: float = 0.0

    @property
    def may_exchange(self) -> bool:
        """True if a server is, or may later be, called with tokens in exchange for the callers' own."""
        return self.again is not None or any(entry.exchanges_tokens for entry in self.upstream.values())

    @property
    def names(self) -> Sequence[str]:
        return [*self.local, *self.upstream]


class Named(NamedTuple):
    """The servers that are wanted: files, not loaded yet, and entries. `watched` is where others may appear."""

    files: Mapping[str, ServerFile]
    upstream: Mapping[str, Upstream]
    watched: Sequence[Path]


def find_servers(settings: Settings) -> Found:
    """Raises LoadError if a file cannot be served."""
    files, upstream, _ = name_servers(settings)
    local = dict(load([*files.values()]))
    again = partial(name_servers, settings) if settings.follow else None
    return Found(local, upstream, settings.pins_file, files, again, settings.shutdown_grace)


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
    watched = settings.servers_dir if needs_folders else ()
    return Named(files, wanted, [Path(each) for each in (*watched, settings.servers_file) if each])


def _upstreams(settings: Settings) -> Mapping[str, Upstream]:
    if not settings.servers_file:
        return {}
    from gateway.upstream.config import read_upstreams

    return read_upstreams(Path(settings.servers_file))


def server_limits(settings: Settings, count_opening: CountOpening | None) -> Limits:
    return Limits(
        threads=settings.threads,
        max_body=settings.max_body,
        max_result=settings.max_result,
        stateless=settings.stateless,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_idle_timeout,
        input_timeout=settings.input_timeout,
        all_waiting=Places(MAX_WAITING, part(MAX_WAITING, settings.max_share), WAITING),
        share=settings.max_share,
        count_opening=count_opening,
    )


def hold_servers(
    found: Found,
    registry: Registry,
    interceptors: Sequence[Interceptor],
    limits: Limits,
    access: Access | None,
    *,
    states: WaitingStates,
    exchange: Exchange | None,
) -> Sequence[Lifetime]:
    """Adds the servers to the registry, which opens them with the application. Returns what is entered after that."""
    changed = registry.changed
    local = partial(
        LocalServer,
        interceptors=interceptors,
        limits=limits,
        access=access,
        changed=changed,
        states=states,
        exchange=exchange,
    )
    for name, mcp in found.local.items():
        registry.hold(local(name, mcp))
    if not found.upstream and found.again is None:
        return ()
    from features.upstream import UpstreamServers

    upstream = UpstreamServers(
        found.pins_file, interceptors, limits, access=access, changed=changed, states=states, exchange=exchange
    )
    for name, entry in found.upstream.items():
        registry.hold(upstream.make(name, entry))
    if found.again is None:
        return (upstream.starts.awaited,)
    from features.follow import following

    return (upstream.starts.awaited, following(found, found.again, registry, local, upstream))
