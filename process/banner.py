"""The table that is printed when the router serves: each server, its tools, its URLs."""

from __future__ import annotations

import re
import shlex
import textwrap

from gateway.servers.registry import Registry
from routes.json_api.index import urls
from settings.values import Settings


def banner_lines(registry: Registry, settings: Settings, base: str, socket: str = "") -> list[str]:
    """Returns the lines to print; `base` is the router's URL, `socket` the path of its Unix socket if it has one."""
    rows = [("SERVER", "TOOLS", "URLS")]
    for server in registry:
        tools = textwrap.shorten(", ".join(tool["name"] for tool in server.tools()) or "-", 60, placeholder=" …")
        own = urls(server, base)
        rows += [(server.name, tools, own["mcp"])]
        rows += [("", "", own[name]) for name in ("tools", "call", "health")]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    table = [f"{name:<{widths[0]}}  {tools:<{widths[1]}}  {url}".rstrip() for name, tools, url in rows]
    websocket = "  /ws" if settings.websocket else ""
    return [
        *table,
        *_notes(settings, base, socket),
        f"All of them: {base}/mcp  /tools  /call  /health  /docs{websocket}",
    ]


def _notes(settings: Settings, base: str, socket: str) -> list[str]:
    """Returns lines about effects of the settings that may surprise, and about where the router is reached."""
    notes = []
    workers = f"{settings.workers} workers"
    if settings.workers > 1:
        notes.append(f"{workers}: stateless, so no MCP sessions, sampling, elicitation or resuming")
    if settings.workers > 1 and settings.rate_limit and not settings.redis_url:
        notes.append(f"{workers}: each counts for MCP_RATE_LIMIT by itself; with REDIS_URL they count together")
    if settings.metrics:
        port = f"{re.sub(':[0-9]+$', '', base)}:{settings.metrics_port}" if settings.metrics_port else base
        notes.append(f"Metrics: {port}{settings.metrics}")
    if socket:
        notes.append(f"On a Unix socket: curl --unix-socket {shlex.quote(socket)} {base}/health")
    return notes
