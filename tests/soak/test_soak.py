"""Thousands of clients that disappear. The router frees their sessions after the idle timeout, and leaks nothing."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.process.live.router import Router

pytestmark = pytest.mark.soak

SERVERS = ("one", "two", "three", "four", "five")
SESSIONS = 5000
"""In each of two waves."""
ABORTED = 500
"""In each of two waves."""
MAX_GROWTH = 4 * 1024
"""KiB that the process may grow by in the second wave: less than 1 for each session."""
CALL = wire.request("tools/call", name="quick_tool", arguments={"text": "x" * 200})
SLOW: dict[str, Any] = {"name": "slow_tool", "arguments": {"text": "x" * 200}}


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    folder = str(Path(__file__).parent / "servers")
    settings = {"MCP_SERVERS_DIR": folder, "MCP_SESSION_IDLE_TIMEOUT": "1", "LOG_LEVEL": "warning"}
    with Router(tmp_path, **settings) as router:
        yield router.await_table()


def state(router: Router) -> dict[str, int]:
    """Waits until the last session has ended, and returns the state of the process."""
    deadline = time.monotonic() + 30
    while router.get("/health")["sessions"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.3)  # the tasks of the session end after it
    status, answer = router.call("one", "state")
    assert status == 200
    found: dict[str, int] = answer["result"]
    return found


def check_flat(before: dict[str, int], after: dict[str, int]) -> None:
    assert after["tasks"] <= before["tasks"] + 1, (before, after)
    assert after["files"] <= before["files"] + 1, (before, after)
    assert after["memory"] <= before["memory"] + MAX_GROWTH, (before, after)


def post(connection: http.client.HTTPConnection, url: str, headers: dict[str, str], message: object) -> str | None:
    """Sends a message, and returns the session id of the response."""
    connection.request("POST", url, json.dumps(message), headers)
    answer = connection.getresponse()
    assert answer.status in (200, 202), (answer.status, answer.read())
    answer.read()
    session: str | None = answer.headers["mcp-session-id"]
    return session


def abandon_session(router: Router, number: int, url: str) -> None:
    """Opens a session and disconnects: at once, after the handshake, after a call, or during a stream."""
    connection = router.connection()
    headers = wire.in_session(post(connection, url, wire.BOTH_TYPES, wire.INITIALIZE) or "")
    if number % 4 > 0:
        post(connection, url, headers, wire.INITIALIZED)
    if number % 4 > 1:
        post(connection, url, headers, CALL)
    if number % 4 > 2:
        connection.request("GET", url, headers=headers)
        assert connection.getresponse().status == 200
    connection.close()


def test_abandoned_sessions_leave_no_tasks_files_or_memory(router: Router) -> None:
    urls = itertools.cycle([f"/{server}/mcp" for server in SERVERS])

    def wave(count: int) -> dict[str, int]:
        for number in range(count):
            abandon_session(router, number, next(urls))
        return state(router)

    wave(500)
    check_flat(wave(SESSIONS), wave(SESSIONS))
    assert_all_serve(router)


def abort(router: Router, number: int, sessions: list[str]) -> None:
    """Sends a call, or half of it, and closes the connection."""
    server = SERVERS[number % 5]
    url, headers, body = f"/{server}/mcp/call", {"content-type": "application/json"}, {"tool": "slow", **SLOW}
    if number % 4 == 1:
        url, (headers, body) = f"/{server}/mcp", wire.modern("tools/call", **SLOW)
    elif number % 4 == 2:
        url, headers, body = f"/{server}/mcp", wire.in_session(sessions[number % 5]), wire.request("tools/call", **SLOW)
    content = json.dumps(body).encode()
    head = f"POST {url} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(content)}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", router.port)) as connection:
        connection.sendall(head.encode() + lines.encode() + b"\r\n" + content[: len(content) // (1 + number % 4 // 3)])


def test_aborted_calls_leave_no_tasks_files_or_memory(router: Router) -> None:
    def wave(count: int) -> dict[str, int]:
        sessions = [router.session(server) for server in SERVERS]
        for number in range(count):
            abort(router, number, sessions)
        return state(router)

    wave(100)
    check_flat(wave(ABORTED), wave(ABORTED))
    assert_all_serve(router)
    assert "Traceback" not in router.log()


def assert_all_serve(router: Router) -> None:
    for server in SERVERS:
        assert router.call(server, "quick", text="still here") == (200, {"result": "still here"})
        session = wire.in_session(router.session(server))
        with router.sent("POST", f"/{server}/mcp", session, CALL) as answer:
            assert wire.messages(answer.read().decode())[0]["result"]["isError"] is False
    assert router.get("/health")["sessions"] == len(SERVERS)
