"""Strangers who send without an end, or hold connections, bodies and answers, cost little memory, CPU and files."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.process.live.router import SERVERS, Router

pytestmark = pytest.mark.soak

MIB = 1024 * 1024
HEAD = b"POST /slow/mcp%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\n"
LARGE = b'{"tool": "large", "arguments": {"size": 4000000}}'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Router]]:
    with ExitStack() as stack:

        def begin(**settings: str) -> Router:
            router = Router(tmp_path, MCP_SERVERS_DIR=str(SERVERS), LOG_LEVEL="warning", **settings)
            return stack.enter_context(router).await_table()

        yield begin


def cpu_seconds(router: Router) -> float:
    fields = Path(f"/proc/{router.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connected(router: Router) -> socket.socket:
    return socket.create_connection(("127.0.0.1", router.port), timeout=30)


def wait_for_files(router: Router, count: int, within: float) -> None:
    deadline = time.monotonic() + within
    while router.open_files() > count:
        assert time.monotonic() < deadline, router.open_files()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\n", b"A: 1\r\n" * 10_000),
        (b"GET / HTTP/1.1\r\nA: ", b"x" * 60_000),
        (b"GET / HTTP/1.1\r\nA: ", b"x" * 100),
        (b"GET /", b"x" * 60_000),
        (HEAD % b"/call" + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"x" * 1000),
        (HEAD % b"/call" + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 60_000),
    ],
)
def test_head_without_an_end_costs_little(start: Callable[..., Router], begin: bytes, piece: bytes) -> None:
    router = start()
    router.get("/health")
    memory, cpu = router.memory(), cpu_seconds(router)
    for _ in range(5):
        with connected(router) as connection, suppress(ConnectionError):
            connection.sendall(begin)
            for _ in range(min(100 * MIB // len(piece), 100_000)):
                connection.sendall(piece)
    assert router.get("/health")["status"] == "ok"
    assert router.memory() - memory < 4 * 1024
    assert cpu_seconds(router) - cpu < 5


@pytest.mark.parametrize("path", [b"/call", b""])
def test_unfinished_bodies_are_bounded_together(start: Callable[..., Router], path: bytes) -> None:
    router = start(MCP_TRUSTED_PROXIES="127.0.0.1")  # without the share of one address
    router.get("/health")
    memory, size = router.memory(), 4 * MIB
    with ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(connected(router))
            with suppress(ConnectionError):
                connection.sendall(HEAD % path + b"Content-Length: %d\r\n\r\n" % size + b"x" * (size - 1))
        assert router.memory() - memory < 110 * 1024
    wait_for_files(router, 20, 10)
    assert router.get("/health")["status"] == "ok"


def test_silent_and_incomplete_connections_are_closed(start: Callable[..., Router]) -> None:
    router = start(MCP_HEAD_TIMEOUT="3", MCP_BODY_TIMEOUT="3")
    router.get("/health")
    files = router.open_files()
    with ExitStack() as stack:
        for number in range(900):
            data = (b"", HEAD[:30], HEAD % b"/call" + b"Content-Length: 9\r\n\r\nx")[number % 3]
            stack.enter_context(connected(router)).sendall(data)
        wait_for_files(router, files, 20)


def test_answers_that_nobody_reads_are_dropped(start: Callable[..., Router]) -> None:
    """Their memory is used again. The allocator may keep it for the process."""
    router = start(MCP_WRITE_TIMEOUT="3")
    router.get("/health")
    files, used = router.open_files(), []
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(60):
                connection = stack.enter_context(connected(router))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(HEAD % b"/call" + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
                assert connection.recv(1) == b"H"  # the answer is there, and nothing more of it is read
            wait_for_files(router, files, 60)
        used.append(router.memory())
    assert used[2] - used[0] < 60 * 1024  # KiB; all answers of one round take four times as much
    assert router.get("/health")["status"] == "ok"
