"""The ways to reach the process: a Unix socket, sockets that systemd passes, and both families of localhost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.process.live.conftest import WRONG_KEY, Start
from tests.process.live.test_start import check_refused

pytestmark = pytest.mark.process

SYSTEMD = """
import json, os, socket, sys
first = socket.create_server(("127.0.0.1", 0))
second = socket.socket(socket.AF_UNIX)
second.bind(os.environ["SECOND"])
second.listen()
os.dup2(first.fileno(), 13), os.dup2(second.fileno(), 14)
os.dup2(13, 3), os.dup2(14, 4), os.closerange(5, 20)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="http:unix")
os.execv(sys.executable, [sys.executable, "app.py"])
"""
"""Starts the router as systemd does, with two sockets."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def ask(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def worker_of(path: str) -> int:
    """Returns the id of the process that answers."""
    connection = UnixConnection(path)
    body = json.dumps({"tool": "pid", "arguments": {}})
    connection.request("POST", "/slow/mcp/call", body, {"content-type": "application/json"})
    pid: int = json.loads(connection.getresponse().read())["result"]
    connection.close()
    return pid


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Returns a path in a folder of its own; the path of a socket must be short."""
    folder = Path("/tmp") / f"mm-{os.getpid()}-{free_port()}"  # noqa: S108
    folder.mkdir(mode=0o700)
    yield str(folder / "s")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_router_serves_on_a_unix_socket_and_removes_it_at_the_end(
    start: Start, path: str, number: signal.Signals
) -> None:
    router = start(UDS=path, UDS_MODE="600", SERVERS="echo").await_table()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert f"On a Unix socket: curl --unix-socket {path} http://localhost/health" in router.table
    assert router.table[-1] == "All of them: http://localhost/mcp  /tools  /call  /health  /docs  /ws"
    assert ask(UnixConnection(path), "/health")[0] == 200
    router.end(number)
    assert not os.path.exists(path)
    assert router.complaints() == []


def test_workers_share_the_unix_socket(start: Start, path: str) -> None:
    router = start(UDS=path, WORKERS="2").await_table()
    seen = {worker_of(path)}
    while len(seen) < 2:
        seen.add(worker_of(path))
    assert router.process.pid not in seen
    router.end()
    assert not os.path.exists(path)


def test_socket_of_a_killed_router_is_replaced_and_that_of_a_living_one_is_not(start: Start, path: str) -> None:
    killed = start(UDS=path, SERVERS="echo").await_table()
    killed.end(signal.SIGKILL)
    assert os.path.exists(path)
    start(UDS=path, SERVERS="echo").await_table()
    check_refused(start(UDS=path, SERVERS="echo"), f"UDS={path!r}: cannot listen, another process listens on it")
    assert ask(UnixConnection(path), "/health")[0] == 200


@pytest.mark.parametrize(("trusted", "address"), [("unix", "203.0.113.9"), ("127.0.0.1", "unix")])
def test_address_behind_the_unix_socket_comes_from_the_header_if_it_is_trusted(
    start: Start, path: str, trusted: str, address: str, keys: str
) -> None:
    router = start(UDS=path, MCP_TRUSTED_PROXIES=trusted, MCP_AUTH_KEYS=keys, SERVERS="echo", LOG_FORMAT="json")
    router.await_table()
    assert ask(UnixConnection(path), "/tools", {**WRONG_KEY, "x-forwarded-for": "1.2.3.4, 203.0.113.9"})[0] == 401
    assert [event["address"] for event in router.events() if event["event"] == "refused"] == [address]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_router_serves_on_the_sockets_that_systemd_passes(start: Start, path: str, workers: str) -> None:
    router = start("-c", SYSTEMD, SECOND=path, WORKERS=workers, PORT="1", UDS="/unused").await_workers(int(workers))
    assert ask(UnixConnection(path), "/health")[0] == 200
    router.end()
    assert os.path.exists(path)  # it is systemd's
    assert router.complaints() == []


def test_wrong_descriptor_is_reported_in_one_line(start: Start) -> None:
    code = (
        "import os, sys; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
        "os.dup2(os.open('/dev/null', 0), 3); os.execv(sys.executable, [sys.executable, 'app.py'])"
    )
    check_refused(start("-c", code), "LISTEN_FDS: descriptor 3 is not a listening stream socket")


def test_localhost_is_reached_by_both_families_on_one_port(start: Start) -> None:
    router = start(HOST="localhost", SERVERS="echo").await_table()
    for host in ("127.0.0.1", "::1"):
        assert ask(http.client.HTTPConnection(host, router.port, timeout=30), "/health")[0] == 200
    assert router.complaints() == []


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        ({"HOST": "0.0.0.0"}, 1),
        ({"HOST": "::", "MCP_AUTH_KEYS": "keys"}, 0),
    ],
)
def test_open_address_without_authentication_is_one_warning(
    start: Start, keys: str, settings: dict[str, str], warnings: int
) -> None:
    if "MCP_AUTH_KEYS" in settings:
        settings = {**settings, "MCP_AUTH_KEYS": keys}
    router = start(SERVERS="echo", **settings).await_table()
    lines = [line for line in router.complaints() if "authentication is off" in line]
    assert len(lines) == warnings, router.log()
    shown = "[::1]" if ":" in settings["HOST"] else "127.0.0.1"
    assert router.table[-1].startswith(f"All of them: http://{shown}:{router.port}/mcp ")
