"""The table that is printed when the router serves."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from process.banner import banner_lines
from settings.values import Settings
from tests.conftest import MakeApp

BASE = "http://127.0.0.1:8000"


def nothing() -> None: ...


def test_each_server_has_its_tools_and_its_urls(make_app: MakeApp) -> None:
    full, empty = MCPServer[None]("full"), MCPServer[None]("e")
    for name in ("one", "two"):
        full.add_tool(nothing, name=name)
    assert banner_lines(make_app(full, empty).state.registry, Settings(), BASE) == [
        "SERVER  TOOLS     URLS",
        "full    one, two  http://127.0.0.1:8000/full/mcp",
        "                  http://127.0.0.1:8000/full/mcp/tools",
        "                  http://127.0.0.1:8000/full/mcp/call",
        "                  http://127.0.0.1:8000/full/mcp/health",
        "e       -         http://127.0.0.1:8000/e/mcp",
        "                  http://127.0.0.1:8000/e/mcp/tools",
        "                  http://127.0.0.1:8000/e/mcp/call",
        "                  http://127.0.0.1:8000/e/mcp/health",
        "All of them: http://127.0.0.1:8000/mcp  /tools  /call  /health  /docs  /ws",
    ]


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, []),
        ({"rate_limit": "1/day"}, []),
        ({"workers": 3}, ["3 workers: stateless, so no MCP sessions, sampling, elicitation or resuming"]),
        (
            {"workers": 3, "rate_limit": "1/day"},
            [
                "3 workers: stateless, so no MCP sessions, sampling, elicitation or resuming",
                "3 workers: each counts for MCP_RATE_LIMIT by itself; with REDIS_URL they count together",
            ],
        ),
        (
            {"workers": 3, "rate_limit": "1/day", "redis_url": "redis://localhost"},
            ["3 workers: stateless, so no MCP sessions, sampling, elicitation or resuming"],
        ),
        ({"metrics": "/some/metrics"}, ["Metrics: http://127.0.0.1:8000/some/metrics"]),
        ({"metrics": "/metrics", "metrics_port": 9100}, ["Metrics: http://127.0.0.1:9100/metrics"]),
    ],
)
def test_surprising_effects_of_settings_are_noted(
    make_app: MakeApp, settings: dict[str, Any], notes: list[str]
) -> None:
    assert banner_lines(make_app().state.registry, Settings(**settings), BASE)[1:-1] == notes


def test_unix_socket_is_shown_with_a_command_and_its_metrics_with_their_port(make_app: MakeApp) -> None:
    settings = Settings(metrics="/metrics", metrics_port=9100)
    lines = banner_lines(make_app().state.registry, settings, "http://localhost", "/run/my router.sock")
    assert lines[1:-1] == [
        "Metrics: http://localhost:9100/metrics",
        "On a Unix socket: curl --unix-socket '/run/my router.sock' http://localhost/health",
    ]
