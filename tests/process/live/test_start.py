"""The output of the process when it starts, and when it fails to start."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.live.conftest import Start
from tests.process.live.router import SERVERS, Router
from tests.shipped import shipped

pytestmark = pytest.mark.process

FAILING_START = """
from contextlib import asynccontextmanager
from mcp.server.mcpserver import MCPServer

@asynccontextmanager
async def lifespan(server):
    raise OSError("no database")
    yield

mcp = MCPServer("broken", lifespan=lifespan)
"""

OWN_RUN = """
import anyio
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("own")

@mcp.tool()
def add(a: int, b: int) -> int:
    return a + b

anyio.run(mcp.run_stdio_async)
"""


def check_refused(router: Router, *parts: str) -> None:
    """Checks that the process ended with exit code 1, and logged the reason in one line."""
    assert router.finished() == 1, router.log()
    lines = router.complaints()
    assert len(lines) == 1, lines
    for part in parts:
        assert part in lines[0]


def test_table_has_each_server_with_its_tools_and_urls(start: Start) -> None:
    router = start(SERVERS="echo,math").await_table()
    base = f"http://127.0.0.1:{router.port}"
    assert router.table[0].split() == ["SERVER", "TOOLS", "URL"]
    assert router.table[1].split() == ["echo", "echo_tool,", "reverse_tool", f"{base}/echo/mcp"]
    assert router.table[2].split() == ["math", "add_tool,", "multiply_tool", f"{base}/math/mcp"]
    assert f"in a browser: {base}/; Ctrl+C stops the router" in router.table[-2]
    assert router.table[-1] == f"All of them: {base}/mcp  /tools  /call  /health  /docs  /ws"
    assert router.get("/health")["tools"] == 4
    assert router.complaints() == []


def test_command_of_the_table_is_answered_at_each_address(start: Start) -> None:
    for host in ("0.0.0.0", "127.0.0.2"):  # every address, as in a container, and one that is not the default
        router = start(HOST=host, SERVERS="echo").await_table()
        command = next(line for line in router.table if line.startswith("Try: "))
        printed = subprocess.run(shlex.split(command)[1:], capture_output=True, check=True, timeout=30).stdout
        assert json.loads(printed) == {"result": "hello"}


def test_router_listens_on_the_configured_port_and_address(start: Start) -> None:
    port = free_port()
    router = start(PORT=str(port), HOST="0.0.0.0", SERVERS="echo").await_table()
    assert router.port == port
    assert router.call("echo", "echo", message="Hello") == (200, {"result": "Hello"})
    with router.sent("GET", "/health", {"host": "evil.com"}) as answer:
        assert answer.status == 421


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_host_can_be_of_either_address_family(start: Start, host: str) -> None:
    router = start(HOST=host, SERVERS="echo").await_table()
    with socket.create_connection((host, router.port)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_port_in_use_is_reported_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        check_refused(start(PORT=port), f"PORT={port}", "already in use", "set another PORT")


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"PORT": "http"}, "PORT='http': expected a whole number from 0 to 65535"),
        ({"HOST": "no.such.host.invalid"}, "HOST='no.such.host.invalid': no such host"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT='xml': expected one of text, json"),
        ({"MCP_CALL_TIMEOUT": "-1"}, "MCP_CALL_TIMEOUT='-1': expected a number of seconds greater than 0"),
        ({"MCP_SERVERS_DIR": "/no/such/folder"}, "MCP_SERVERS_DIR: there is no folder '/no/such/folder'"),
        ({"SERVERS": "ecko"}, "SERVERS: no server 'ecko'; there are: echo, math, slow"),
    ],
)
def test_invalid_setting_is_reported_in_one_line(start: Start, settings: dict[str, str], part: str) -> None:
    check_refused(start(**settings), f"multi-mcp: {part}")


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("import nothing_of_this_name", "broken_server.py:1: No module named 'nothing_of_this_name'"),
        ("def broken(:", "broken_server.py:1: SyntaxError"),
        ("\nraise ValueError('one\\ntwo')", "broken_server.py:2: ValueError: one"),
        ("raise SystemExit(3)", "broken_server.py:1: SystemExit: 3"),
        ("server = 1", "broken_server.py: defines no `mcp`; add `mcp = MCPServer('broken')`"),
        (FAILING_START, "server 'broken' does not start: OSError: no database"),
    ],
)
def test_broken_server_is_reported_in_one_line(start: Start, tmp_path: Path, source: str, part: str) -> None:
    (tmp_path / "broken_server.py").write_text(source)
    router = start(MCP_SERVERS_DIR=f"{shipped()}:{tmp_path}")
    check_refused(router, part)
    assert router.printed() == ""


@pytest.mark.parametrize("source", ["import nothing_of_this_name", FAILING_START])
def test_traceback_of_a_failed_start_is_logged_at_debug_level(start: Start, tmp_path: Path, source: str) -> None:
    (tmp_path / "broken_server.py").write_text(source)
    router = start(MCP_SERVERS_DIR=f"{shipped()}:{tmp_path}", LOG_LEVEL="debug")
    assert router.finished() == 1
    assert "Traceback (most recent call last)" in router.log()
    assert "broken_server.py" in router.log()


def test_server_that_does_not_start_ends_all_workers(start: Start, tmp_path: Path) -> None:
    (tmp_path / "broken_server.py").write_text(FAILING_START)
    router = start(MCP_SERVERS_DIR=f"{shipped()}:{tmp_path}", WORKERS="2")
    assert router.finished() == 1
    assert "server 'broken' does not start: OSError: no database" in router.log()
    assert "Traceback" not in router.log()
    assert (router.printed(), "serving" in router.log()) == ("", False)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_file_that_serves_by_itself_is_one_warning_and_no_harm(start: Start, tmp_path: Path, workers: str) -> None:
    (tmp_path / "own_server.py").write_text(OWN_RUN)
    router = start(MCP_SERVERS_DIR=f"{tmp_path}:{SERVERS}", WORKERS=workers).await_workers(int(workers))
    assert router.call("own", "add", a=1, b=2) == (200, {"result": 3})
    router.end()
    warnings = router.complaints()
    assert len(warnings) == 1, warnings
    assert "own_server.py: it runs its server itself, which is ignored; the router serves its `mcp`" in warnings[0]


def test_nearly_right_files_and_settings_are_one_warning_each(start: Start, tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(OWN_RUN)
    router = start(MCP_SERVERS_DIR=f"{tmp_path}:{SERVERS}", MCP_ALLOWED_HOST="box", WORKERS="2").await_workers(2)
    router.end()
    setting, file = router.complaints()
    assert "MCP_ALLOWED_HOST: there is no such setting; did you mean MCP_ALLOWED_HOSTS?" in setting
    assert "weather.py: it is not served; rename it to weather_server.py if it is a server" in file


def test_uvicorn_command_serves_the_same_application(start: Start) -> None:
    port = free_port()
    router = start("-m", "uvicorn", "app:app", "--port", str(port), SERVERS="echo,math")
    router.await_answer(port)
    assert router.call("math", "add", a=1, b=2) == (200, {"result": 3})
    router.end()


def test_importing_the_application_starts_nothing(start: Start) -> None:
    router = start("-c", "import app", PORT="http")
    assert (router.finished(), router.log()) == (0, "")
