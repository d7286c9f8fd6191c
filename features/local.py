"""The servers of this process: `MCP_SERVERS_DIR`, `SERVERS`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer

from gateway.call import Interceptor
from gateway.local.context_calls import WAITING
from gateway.local.discovery import discover, load
from gateway.local.server import LocalServer
from gateway.local.waiting_states import WaitingStates
from gateway.places import Places, part
from gateway.sdk.native import Access
from gateway.sdk.openings import CountOpening
from gateway.sdk.sessions import Limits
from gateway.servers.registry import Registry
from settings.values import Settings

MAX_WAITING = 1000
"""The calls that wait for input, over all servers."""
Found = Sequence[tuple[str, MCPServer[Any]]]
"""Names and server objects, before they are served."""


def find_servers(settings: Settings) -> Found:
    """Raises LoadError if a file cannot be served."""
    return list(load(discover(settings.servers_dir, settings.servers)))


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
) -> None:
    """Adds the servers to the registry, which opens them with the application."""
    for name, mcp in found:
        registry.hold(
            LocalServer(name, mcp, interceptors, limits, access=access, changed=registry.changed, states=states)
        )
