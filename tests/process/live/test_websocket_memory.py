"""Memory that a WebSocket client can make the router hold: by not reading answers, by large frames."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.keys import add_key
from tests.process.echoing import HANDSHAKE, frame
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.sockets import ADD, ask, connected

pytestmark = pytest.mark.process


def opened(router: Router) -> socket.socket:
    """Returns a WebSocket after its handshake, as a plain socket."""
    client = socket.create_connection(("127.0.0.1", router.port), timeout=20)
    client.sendall(HANDSHAKE.replace(b"GET /", b"GET /ws"))
    assert client.recv(1024).startswith(b"HTTP/1.1 101 ")
    return client


def test_client_that_reads_nothing_is_dropped_and_costs_no_memory(start: Start) -> None:
    router = start().await_table()
    assert router.call("slow", "large", size=100_000)[0] == 200
    before, most, deadline = router.memory(), 0, time.monotonic() + 60
    call = b'{"id": %d, "server": "slow", "tool": "large", "arguments": {"size": 100000}}'
    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(opened(router))
            client.sendall(b"".join(frame(Opcode.TEXT, call % number) for number in range(1000)))
        before_drop = router.open_files()
        while router.open_files() > before_drop - 10:
            most = max(most, router.memory())
            assert time.monotonic() < deadline
            time.sleep(0.1)
    # KiB. At most 100 calls of each connection are in flight; all answers together would take ten times as much.
    assert most - before < 150 * 1024
    with connected(router) as further:
        assert ask(further, id=1, **ADD) == {"id": 1, "result": 3}


def test_anonymous_client_cannot_make_the_router_hold_a_large_frame(start: Start, tmp_path: Path) -> None:
    keys, size = tmp_path / "keys", 8 * 2**20  # an authenticated client may send 16 MiB
    add_key(keys, "ada", "*:*")
    router = start(MCP_AUTH_KEYS=str(keys)).await_table()
    before = router.memory()
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(opened(router))
            client.sendall(b"\x81\xff" + struct.pack("!Q", size) + b"\0\0\0\0" + b"x" * (size - 1))
            opcode, _, code = struct.unpack("!BBH", client.recv(4))
            assert (opcode, code) == (0x88, 1009)
        assert router.memory() - before < 20 * 1024  # KiB; the frames together would take eight times as much
