"""Servers elsewhere whose callers disappear, and children that die: the router leaks nothing, and serves them again."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.gateway.upstream.conftest import entry, written
from tests.gateway.upstream.http.conftest import sdk_server
from tests.process.live.router import Router
from tests.soak.test_soak import check_flat, state

pytestmark = pytest.mark.soak
ABORTED = 500
DEATHS = 2
"""In each of two waves. After more of them in a row the router waits ever longer before it starts a child again."""

HANGS: dict[str, dict[str, Any]] = {
    "child": {"name": "hang", "arguments": {}},
    "old": {"name": "hang", "arguments": {}},
    "far": {"name": "sleep", "arguments": {"seconds": 60}},
    "past": {"name": "sleep", "arguments": {"seconds": 60}},
}
"""A call without an answer of each server: children and hosts, without sessions and with them."""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    with sdk_server() as url:
        hosts = {"far": {"url": url, "era": "modern"}, "past": {"url": url, "era": "legacy"}}
        entries = {"child": entry(), "old": entry("legacy", era="legacy"), **hosts}
        settings = {"MCP_SERVERS_DIR": str(Path(__file__).parent / "servers"), "MCP_SESSION_IDLE_TIMEOUT": "1"}
        file = written(tmp_path, entries)
        with Router(tmp_path, MCP_SERVERS_FILE=file, LOG_LEVEL="error", **settings) as router:
            yield router.await_table()


def abort(router: Router, number: int, server: str) -> None:
    """Sends a call, and closes the connection before its answer: as JSON, without a session, or in a new one."""
    call = HANGS[server]
    url, headers = f"/{server}/mcp/call", {"content-type": "application/json"}
    body: Any = {"tool": call["name"], "arguments": call["arguments"]}
    if number % 3:
        url, (headers, body) = f"/{server}/mcp", wire.modern("tools/call", **call)
    if number % 3 == 2 and server != "past":  # which keeps the sessions of clients until they are idle
        headers, body = wire.in_session(router.session(server)), wire.request("tools/call", 9, **call)
    content = json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {url} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(content)}\r\n{lines}\r\n"
    with socket.create_connection(("127.0.0.1", router.port)) as connection:
        connection.sendall(head.encode() + content)


def children(router: Router) -> int:
    tasks = Path(f"/proc/{router.process.pid}/task").iterdir()
    return sum(len((task / "children").read_text().split()) for task in tasks)


def serves(router: Router, server: str) -> None:
    ends = time.monotonic() + 30
    while router.call(server, "add", a=1, b=2) != (200, {"result": 3}):
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_aborted_calls_and_deaths_of_children_leave_no_tasks_files_memory_or_processes(router: Router) -> None:
    servers = itertools.cycle(HANGS)

    def wave(aborted: int, deaths: int) -> tuple[dict[str, int], int]:
        for number in range(aborted):
            abort(router, number, next(servers))
        for _ in range(deaths):
            for server in ("child", "old"):
                serves(router, server)
                assert router.call(server, "die")[0] == 502
        for server in HANGS:
            serves(router, server)
        return state(router), children(router)

    wave(100, 1)
    before, processes = wave(ABORTED, DEATHS)
    after, left = wave(ABORTED, DEATHS)
    check_flat(before, after)
    assert left == processes
    assert "Traceback" not in router.log()
