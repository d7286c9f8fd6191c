"""The whole application: every way in, the order of its parts, and two independent applications."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

import app as module
from app import create_app
from gateway.errors import LoadError
from settings.values import Settings
from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp, WriteServers
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio

COUNTING = """
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("counting")
count = 0

@mcp.tool()
async def count_tool() -> int:
    global count
    count += 1
    return count
"""


def calls_in(log: str) -> list[str]:
    """Returns the way in and the outcome of each recorded call."""
    lines = [line for line in log.splitlines() if " info    call " in line]
    return [line.split(" via=")[1].rpartition(" ms=")[0] for line in lines]


async def call_every_way(client: httpx2.AsyncClient, server: str, tool: str, arguments: dict[str, Any]) -> None:
    """Makes one call over each transport and URL."""
    await client.post("/call", json={"server": server, "tool": tool, "arguments": arguments})
    await client.post(f"/{server}/mcp/call", json={"tool": tool, "arguments": arguments})
    await client.post(f"/{server}/mcp/tools/{tool}", json=arguments)
    for url, name in ((f"/{server}/mcp", tool), ("/mcp", f"{server}_{tool}")):
        headers, body = wire.modern("tools/call", name=name, arguments=arguments)
        assert (await client.post(url, json=body, headers=headers)).status_code == 200
        session = await open_session(client, url)
        body = wire.request("tools/call", name=name, arguments=arguments)
        assert (await client.post(url, json=body, headers=session)).status_code == 200


@pytest.mark.slow
async def test_each_way_in_is_recorded_once(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(make_app(servers_dir=(shipped(),))) as client:
        await call_every_way(client, "math", "add_tool", {"a": 1, "b": 2})
    ways = ["call", "call", "tool-url", "mcp", "mcp", "aggregate", "aggregate"]
    assert calls_in(capsys.readouterr().err) == [f"{way} outcome=ok" for way in ways]


@pytest.mark.slow
async def test_calls_are_not_recorded_at_log_level_warning(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(make_app(servers_dir=(shipped(),), log_level="warning")) as client:
        body = {"tool": "echo", "arguments": {"message": "a"}}
        assert (await client.post("/echo/mcp/call", json=body)).json() == {"result": "a"}
    assert calls_in(capsys.readouterr().err) == []


async def test_two_applications_share_neither_servers_nor_records(
    make_app: MakeApp, write_servers: WriteServers, capsys: pytest.CaptureFixture[str]
) -> None:
    write_servers({"counting_server.py": COUNTING})
    async with opened(make_app()) as one, opened(make_app()) as other:
        for client, counted in ((one, 1), (one, 2), (other, 1), (one, 3)):
            assert (await client.post("/call", json={"tool": "count"})).json() == {"result": counted}
    assert calls_in(capsys.readouterr().err) == ["call outcome=ok"] * 4


@pytest.mark.slow
async def test_interceptors_act_on_each_way_in(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(make_app(servers_dir=("tests/routes/servers",), call_timeout=0.02)) as client:
        await call_every_way(client, "moody", "wait_tool", {})
    assert [call.split("outcome=")[1] for call in calls_in(capsys.readouterr().err)] == ["timeout"] * 7


async def test_lifespan_of_a_server_runs_once(make_app: MakeApp) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[str]:
        events.append("opens")
        yield "state"
        events.append("closes")

    async def nothing_tool() -> None: ...

    server = MCPServer("some", lifespan=lifespan)
    server.add_tool(nothing_tool)
    async with opened(make_app(server)) as client:
        await call_every_way(client, "some", "nothing_tool", {})
        assert events == ["opens"]
    assert events == ["opens", "closes"]


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({"mcp_server.py": ""}, "the name 'mcp' is reserved"),
        ({"a_server.py": "", "a_server/__init__.py": ""}, "the name 'a' is taken"),
        ({"a_server.py": "import nothing_of_this_name"}, "No module named 'nothing_of_this_name'"),
    ],
)
def test_server_that_cannot_be_loaded_is_reported_when_the_application_is_made(
    make_app: MakeApp, write_servers: WriteServers, files: dict[str, str], part: str
) -> None:
    write_servers(files)
    with pytest.raises(LoadError, match=part):
        make_app()


def test_module_makes_an_application_when_app_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, python_hooks: None
) -> None:
    monkeypatch.setenv("MCP_SERVERS_DIR", str(tmp_path))
    assert isinstance(module.app, Starlette)
    assert [server.name for server in module.app.state.registry] == []
    with pytest.raises(AttributeError):
        module.application  # noqa: B018


async def test_settings_limit_the_size_of_a_body() -> None:
    settings = Settings(
        servers_dir=(shipped(),), servers=("echo",), max_body=60, max_sessions=1, max_calls=1, call_timeout=1.0
    )
    async with opened(create_app(settings)) as client:
        assert (
            await client.post("/call", json={"tool": "echo", "arguments": {"message": "x" * 60}})
        ).status_code == 413
        answer = await client.post("/echo/mcp", json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
        assert answer.status_code == 413
