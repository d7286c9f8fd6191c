"""The table that is printed when the router serves: each server with its tools and its URL, and what to do next."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence

from gateway.server import Server
from gateway.servers.registry import Registry
from process.sample import sample_call
from routes.json_api.index import urls
from settings.values import Settings

WIDTH = 100
"""Columns of the table. The tools of a server are shortened to what is left of them, to `LEAST_TOOLS` at least."""

LEAST_TOOLS = 24


def banner_lines(registry: Registry, settings: Settings, base: str, socket: str = "") -> list[str]:
    """Returns the lines to print; `base` is the router's URL, `socket` the path of its Unix socket if it has one."""
    servers = [(server.name, urls(server, base)["mcp"], _tools(server)) for server in registry]
    names = max((len(name) for name, _, _ in servers), default=0)
    names = max(names, len("SERVER"))
    left = max(LEAST_TOOLS, WIDTH - names - max((len(url) for _, url, _ in servers), default=0) - 4)
    rows = [("SERVER", "TOOLS", "URL")]
    rows += [(name, _shortened(tools, left), url) for name, url, tools in servers]
    tools_width = max(len(row[1]) for row in rows)
    return [
        *(f"{name:<{names}}  {tools:<{tools_width}}  {url}" for name, tools, url in rows),
        *_notes(registry, settings, base, socket),
        *_next_steps(registry, settings, base, socket),
        f"All of them: {base}/mcp  {'  '.join(_paths(settings))}",
    ]


def _paths(settings: Settings) -> list[str]:
    """Returns the paths over all servers that the settings enable, besides `/mcp`."""
    optional = {"/ws": settings.websocket, "/console": settings.console, settings.graphql: bool(settings.graphql)}
    return ["/tools", "/call", "/health", "/docs", *(path for path, is_on in optional.items() if is_on)]


def _tools(server: Server) -> list[str]:
    """Returns the names of its tools, or the state of a server that has not listed them yet."""
    word = server.status["status"]
    return [tool["name"] for tool in server.tools()] or ([] if word == "ok" else [f"({word})"])


def _shortened(tools: list[str], width: int) -> str:
    return textwrap.shorten(", ".join(tools) or "-", width, placeholder=" …")


def _next_steps(registry: Registry, settings: Settings, base: str, socket: str) -> list[str]:
    """Returns a command that works as it stands and the form of its answer, the page for a browser, and how to stop."""
    key = " -H 'Authorization: Bearer KEY'" if settings.auth_keys or settings.auth_issuer else ""
    curl = f"curl -s{f' --unix-socket {shlex.quote(socket)}' if socket else ''}{key} {base}"
    call = sample_call(registry)
    if call is None:
        command, answer = f"{curl}/tools", '{"tools": [...]}'
    else:
        server, body = call
        command = f"{curl}/{server}/mcp/call -H 'Content-Type: application/json' -d {shlex.quote(body)}"
        answer = '{"result": ...}'
    browser = "" if socket else f"; in a browser: {base}/"
    return [f"Try: {command}", f"It answers {answer}{browser}; Ctrl+C stops the router"]


def _instances(registry: Registry) -> Iterator[tuple[str, Sequence[object], int]]:
    """Yields the name of each server that has instances, these, and how many of them get calls."""
    for server in registry:
        if found := server.status.get("instances"):
            yield server.name, found, sum(instance["state"] == "ready" for instance in found)


def _notes(registry: Registry, settings: Settings, base: str, socket: str) -> list[str]:
    """Returns lines about effects of the settings that may surprise, and about where the router is reached."""
    notes = [f"{name}: {len(found)} instances, {ready} of them ready" for name, found, ready in _instances(registry)]
    workers = f"{settings.workers} workers"
    if settings.workers > 1:
        notes.append(f"{workers}: no MCP sessions, whose clients could be asked for input and could resume")
    elif settings.stateless and not (settings.state_keys or settings.redis_url):
        notes.append("Replicas continue calls of tools that ask only with MCP_STATE_KEYS or REDIS_URL")
    if settings.workers > 1 and settings.rate_limit and not settings.redis_url:
        notes.append(f"{workers}: each counts for MCP_RATE_LIMIT by itself; with REDIS_URL they count together")
    if settings.metrics:
        port = f"{re.sub(':[0-9]+$', '', base)}:{settings.metrics_port}" if settings.metrics_port else base
        notes.append(f"Metrics: {port}{settings.metrics}")
    if socket:
        notes.append(f"On a Unix socket: curl --unix-socket {shlex.quote(socket)} {base}/health")
    return notes
