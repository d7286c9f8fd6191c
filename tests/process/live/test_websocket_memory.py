"""What a client costs that asks and does not read."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.process.echoing import HANDSHAKE, frame
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.sockets import ADD, ask, connected

pytestmark = pytest.mark.process


def memory(router: Router) -> int:
    """MiB."""
    return int(Path(f"/proc/{router.process.pid}/statm").read_text().split()[1]) * 4096 // 2**20


def files(router: Router) -> int:
    return len(list(Path(f"/proc/{router.process.pid}/fd").iterdir()))


def test_who_reads_nothing_is_dropped_and_costs_no_memory(start: Start) -> None:
    router = start().await_table()
    assert router.call("slow", "large", size=100_000)[0] == 200
    before, most, deadline = memory(router), 0, time.monotonic() + 60
    call = b'{"id": %d, "server": "slow", "tool": "large", "arguments": {"size": 100000}}'
    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", router.port)))
            client.sendall(HANDSHAKE.replace(b"GET /", b"GET /ws"))
            assert client.recv(1024).startswith(b"HTTP/1.1 101 ")
            client.sendall(b"".join(frame(Opcode.TEXT, call % number) for number in range(1000)))
        opened = files(router)
        while files(router) > opened - 10:
            most = max(most, memory(router))
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert most - before < 100  # of a thousand, which all answers would take
    with connected(router) as further:
        assert ask(further, id=1, **ADD) == {"id": 1, "result": 3}
