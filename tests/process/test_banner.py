"""The table that is printed when the router serves."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import Field

from process.banner import banner_lines
from process.sample import sample_call
from settings.values import Settings
from tests.conftest import MakeApp, server_of
from tests.transport import opened

BASE = "http://127.0.0.1:8000"


def nothing() -> None: ...


async def forecast(city: str, days: int, unit: Literal["C", "F"], detailed: bool = False) -> str:
    return f"{city} {days} {unit}"


def coded(code: Annotated[str, Field(pattern="^no such text$")]) -> None: ...


@pytest.mark.slow
def test_each_server_is_one_line_with_its_tools_and_its_url(make_app: MakeApp) -> None:
    full, empty = MCPServer[None]("full"), MCPServer[None]("e")
    for name in ("one", "two"):
        full.add_tool(nothing, name=name)
    assert banner_lines(make_app(full, empty).state.registry, Settings(), BASE) == [
        "SERVER  TOOLS     URL",
        "full    one, two  http://127.0.0.1:8000/full/mcp",
        "e       -         http://127.0.0.1:8000/e/mcp",
        "Try: curl -s http://127.0.0.1:8000/full/mcp/call -H 'Content-Type: application/json' "
        """-d '{"tool": "one", "arguments": {}}'""",
        'It answers {"result": ...}; in a browser: http://127.0.0.1:8000/; Ctrl+C stops the router',
        "All of them: http://127.0.0.1:8000/mcp  /tools  /call  /health  /docs  /ws",
    ]


@pytest.mark.slow
def test_twenty_servers_with_many_tools_fit_on_a_screen(make_app: MakeApp) -> None:
    servers = [MCPServer[None](f"server_{number}") for number in range(20)]
    for server in servers:
        for number in range(50):
            server.add_tool(nothing, name=f"tool_{number}")
    lines = banner_lines(make_app(*servers).state.registry, Settings(), BASE)
    assert len(lines) == 24
    assert max(len(line) for line in lines[:21]) <= 100
    assert "tool_0, tool_1" in lines[1]
    assert " … " in lines[1]


def test_without_a_server_or_a_tool_with_a_sample_the_command_lists_the_tools(make_app: MakeApp) -> None:
    shown = "Try: curl -s http://127.0.0.1:8000/tools"
    assert shown in banner_lines(make_app().state.registry, Settings(), BASE)
    assert shown in banner_lines(make_app(server_of(coded)).state.registry, Settings(), BASE)


@pytest.mark.parametrize("setting", [{"auth_keys": "keys.json"}, {"auth_issuer": "https://id.example.com"}])
def test_command_has_the_header_that_authentication_needs(make_app: MakeApp, setting: dict[str, Any]) -> None:
    lines = banner_lines(make_app().state.registry, Settings(**setting), BASE)
    assert "Try: curl -s -H 'Authorization: Bearer KEY' http://127.0.0.1:8000/tools" in lines


@pytest.mark.anyio
async def test_command_that_is_printed_is_answered_as_printed(make_app: MakeApp) -> None:
    app = make_app(server_of(coded, forecast))
    lines = banner_lines(app.state.registry, Settings(), "")
    *_, url, _, kind, _, body = shlex.split(next(line for line in lines if line.startswith("Try: ")))
    async with opened(app) as client:
        name, _, value = kind.partition(": ")
        answer = await client.post(url, content=body, headers={name: value})
    assert (answer.status_code, answer.json()) == (200, {"result": "hello 10 C"})


@pytest.mark.slow
def test_tool_that_only_reads_is_preferred_and_one_that_destroys_is_not_shown(make_app: MakeApp) -> None:
    server = MCPServer[None]("one")
    server.add_tool(nothing, name="drop", annotations=ToolAnnotations(destructive_hint=True))
    assert sample_call(make_app(server).state.registry) is None
    other = MCPServer[None]("two")
    other.add_tool(nothing, name="write")
    other.add_tool(nothing, name="read", annotations=ToolAnnotations(read_only_hint=True))
    assert sample_call(make_app(other).state.registry) == ("two", '{"tool": "read", "arguments": {}}')


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, []),
        ({"rate_limit": "1/day"}, []),
        (
            {"workers": 3},
            ["3 workers: no MCP sessions, whose clients could be asked for input and could resume"],
        ),
        (
            {"workers": 3, "rate_limit": "1/day"},
            [
                "3 workers: no MCP sessions, whose clients could be asked for input and could resume",
                "3 workers: each counts for MCP_RATE_LIMIT by itself; with REDIS_URL they count together",
            ],
        ),
        (
            {"workers": 3, "rate_limit": "1/day", "redis_url": "redis://localhost"},
            ["3 workers: no MCP sessions, whose clients could be asked for input and could resume"],
        ),
        ({"stateless": True}, ["Replicas continue calls of tools that ask only with MCP_STATE_KEYS or REDIS_URL"]),
        ({"stateless": True, "redis_url": "redis://localhost"}, []),
        ({"stateless": True, "state_keys": ("k" * 32,)}, []),
        ({"metrics": "/some/metrics"}, ["Metrics: http://127.0.0.1:8000/some/metrics"]),
        ({"metrics": "/metrics", "metrics_port": 9100}, ["Metrics: http://127.0.0.1:9100/metrics"]),
    ],
)
def test_surprising_effects_of_settings_are_noted(
    make_app: MakeApp, settings: dict[str, Any], notes: list[str]
) -> None:
    assert banner_lines(make_app().state.registry, Settings(**settings), BASE)[1:-3] == notes


def test_unix_socket_is_shown_with_a_command_and_its_metrics_with_their_port(make_app: MakeApp) -> None:
    settings = Settings(metrics="/metrics", metrics_port=9100)
    lines = banner_lines(make_app().state.registry, settings, "http://localhost", "/run/my router.sock")
    assert lines[1:-3] == [
        "Metrics: http://localhost:9100/metrics",
        "On a Unix socket: curl --unix-socket '/run/my router.sock' http://localhost/health",
    ]
    assert lines[-3] == "Try: curl -s --unix-socket '/run/my router.sock' http://localhost/tools"


def test_paths_over_all_servers_are_those_that_are_on(make_app: MakeApp) -> None:
    registry = make_app().state.registry
    on = Settings(websocket=True, console=True, graphql="/query")
    assert banner_lines(registry, on, BASE)[-1].endswith("/mcp  /tools  /call  /health  /docs  /ws  /console  /query")
    assert banner_lines(registry, Settings(websocket=False), BASE)[-1].endswith("/mcp  /tools  /call  /health  /docs")
