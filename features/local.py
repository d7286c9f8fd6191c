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
from gateway.call import Interceptor
from gateway.errors import LoadError
from gateway.local.discovery import discover, load
from gateway.local.server import LocalServer
from gateway.places import Places, part
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.asking.waiting import WAITING
from gateway.sdk.native import Access
from gateway.sdk.openings import CountOpening
from gateway.sdk.sessions import Limits
from gateway.servers.registry import Registry
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.upstream.config import Upstream
    from gateway.upstream.link import Opening
    from gateway.upstream.pins.checks import Checks

MAX_WAITING = 1000
"""The calls that wait for input, over all servers."""


@dataclass(frozen=True, slots=True)
class Found:
    """The servers before they are served: server objects, and entries of the file, by their names."""

    local: Mapping[str, MCPServer[Any]] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    pins_file: str = ""

    @property
    def names(self) -> Sequence[str]:
        return [*self.local, *self.upstream]


def find_servers(settings: Settings) -> Found:
    """Raises LoadError if a file cannot be served."""
    upstream = _upstreams(settings)
    only = [name for name in settings.servers if name not in upstream]
    wanted = {name: entry for name, entry in upstream.items() if not settings.servers or name in settings.servers}
    local = (
        dict(load(discover(settings.servers_dir, only, settings.servers_file))) if only or not settings.servers else {}
    )
    for name in upstream:
        if name in local:
            raise LoadError(f"MCP_SERVERS_FILE: the name {name!r} is taken by a file of MCP_SERVERS_DIR")
    pinned = [name for name, entry in wanted.items() if entry.pin != "off"]
    if pinned and not settings.pins_file:
        raise LoadError(f"MCP_PINS_FILE is not set, which `pin` of server {pinned[0]!r} in MCP_SERVERS_FILE needs")
    return Found(local, wanted, settings.pins_file)


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
) -> Sequence[Lifetime]:
    """Adds the servers to the registry, which opens them with the application. Returns what is entered after that."""
    for name, mcp in found.local.items():
        registry.hold(
            LocalServer(name, mcp, interceptors, limits, access=access, changed=registry.changed, states=states)
        )
    if not found.upstream:
        return ()
    from gateway.upstream.server import UpstreamServer
    from gateway.upstream.starts import Starts

    starts, opening, pins, changed = Starts(), _openings(), _pins(found), registry.changed
    for name, entry in found.upstream.items():
        server = partial(UpstreamServer, name, entry, opening(name, entry), interceptors, limits)
        registry.hold(server(starts=starts, access=access, changed=changed, states=states, pins=pins.get(name)))
    return (starts.awaited,)


def _openings() -> Callable[[str, Upstream], Opening]:
    """Returns the function that makes the opening of an entry. Children share what watches over them."""
    from gateway.upstream.sse.opening import EitherOpening, SseOpening
    from gateway.upstream.stdio.leash import Leash
    from gateway.upstream.stdio.memory import Memory
    from gateway.upstream.stdio.opening import StdioOpening

    leash, memory = Leash(), Memory()

    def opening(name: str, entry: Upstream) -> Opening:
        if entry.type == "stdio":
            return StdioOpening(name, entry, os.environ, leash, memory)
        if entry.type == "sse":
            return SseOpening(entry, os.environ)
        return EitherOpening(entry, os.environ)

    return opening


def _pins(found: Found) -> Mapping[str, Checks]:
    """Returns the pins of the servers that have `pin`, which share one file."""
    modes = {name: entry.pin for name, entry in found.upstream.items() if entry.pin != "off"}
    if not modes:
        return {}
    from gateway.upstream.pins.checks import Checks
    from gateway.upstream.pins.file import Pins

    file = Pins(Path(found.pins_file))
    return {name: Checks(name, file, blocks=mode == "block") for name, mode in modes.items()}
