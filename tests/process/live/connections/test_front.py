"""The bounds of a real process, in each of its workers: descriptors, deadlines, and the log of strangers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process

CALL = json.dumps({"tool": "add", "arguments": {"a": 1, "b": 2}}).encode()
HEAD = b"POST /math/mcp/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SOON = {"MCP_HEAD_TIMEOUT": "0.5", "MCP_BODY_TIMEOUT": "0.5", "MCP_KEEP_ALIVE": "0.5"}


def exchange(router: Router, data: bytes) -> bytes:
    """Sends the bytes, and returns everything until the router closes."""
    with socket.create_connection(("127.0.0.1", router.port), timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def cpu_seconds(router: Router) -> float:
    fields = Path(f"/proc/{router.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def idle(router: Router, count: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
    """Opens connections that send `data` and nothing more."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", router.port), timeout=20))
            connection.sendall(data)
            found.append(connection)
        yield found


@pytest.mark.parametrize("workers", ["1", "2"])
def test_deadlines_hold_in_each_process(start: Start, workers: str) -> None:
    router = start(WORKERS=workers, **SOON).await_workers(int(workers))
    expected = [(b"", b""), (HEAD[:30], b" 408 "), (HEAD + b"Content-Length: 9\r\n\r\nx", b" 408 ")]
    for data, status in expected * int(workers):
        assert status in exchange(router, data)
    upgraded = HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(CALL) + CALL
    assert exchange(router, upgraded).endswith(b'{"result":3}')
    assert b" 431 " in exchange(router, HEAD + b"A: 1\r\n" * 100 + b"\r\n")
    assert router.complaints() == []


def test_idle_connections_do_not_keep_others_out(start: Start) -> None:
    """With more connections than descriptors, in a process whose hard limit is low."""
    low = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
    router = start("-c", low + "os.execv(sys.executable, [sys.executable, 'app.py'])").await_table()
    assert "open_files=256" in router.log()
    with idle(router, 150), idle(router, 150, HEAD[:30]):
        before, began = cpu_seconds(router), time.monotonic()
        for _ in range(20):
            assert router.call("math", "add", a=1, b=2) == (200, {"result": 3})
        assert router.open_files() < 256
        assert cpu_seconds(router) - before < 0.5 * (time.monotonic() - began) + 0.5
    assert len(router.log()) < 20_000


def test_log_of_requests_that_are_not_http_is_bounded(start: Start) -> None:
    router = start(SERVERS="math").await_table()
    for _ in range(100):
        assert b"application/problem+json" in exchange(router, b"\x16\x03\x01 no HTTP\r\n\r\n")
    time.sleep(1.1)  # the end of the last second, which is logged
    router.end()
    lines = [line for line in router.log().splitlines() if "refused" in line]
    single = [line for line in lines if "reason=invalid-request" in line]
    assert all("address=127.0.0.1" in line for line in single)
    assert len(single) <= 20 * (len(lines) - len(single) + 1)
    left_out = sum(int(line.partition("count=")[2].split()[0]) for line in lines if "count=" in line)
    assert len(single) + left_out == 100


def test_trailer_does_not_forge_the_address_behind_a_proxy(start: Start) -> None:
    router = start(SERVERS="math", MCP_TRUSTED_PROXIES="127.0.0.1", MCP_RATE_LIMIT="3/minute").await_table()
    answers = []
    for number in range(6):
        head = HEAD + b"X-Forwarded-For: 192.0.2.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        trailer = b"X-Forwarded-For: 198.51.100.%d\r\n" % number
        answers.append(exchange(router, head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(CALL), CALL, trailer)).split()[1])
    assert answers == [b"200"] * 3 + [b"429"] * 3
