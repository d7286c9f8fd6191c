"""The end of listening. What it is for, a restart that loses nothing, is tested behind a real proxy."""

from __future__ import annotations

import socket
import sys

import pytest

from process.last_connections import refuse_handshakes, waiting_connections

pytestmark = pytest.mark.anyio


async def test_waiting_connections_are_accepted_from_every_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        clients = [socket.create_connection(each.getsockname()) for each in (one, one, other)]
        for each in (one, other):
            each.setblocking(False)
        accepted = list(waiting_connections([one, other]))
        assert [each.getpeername() for each in accepted] == [each.getsockname() for each in clients]
        assert not any(each.getblocking() for each in accepted)
        for each in (*clients, *accepted):
            each.close()
        assert list(waiting_connections([one, other])) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters the packets of a listening socket")
@pytest.mark.slow
async def test_no_new_handshake_begins_and_open_connections_stay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        await refuse_handshakes([listener])
        with socket.socket() as late:
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listener.getsockname())
        listener.setblocking(False)
        (accepted,) = waiting_connections([listener])
        client.sendall(b"hello")
        accepted.settimeout(5)
        assert accepted.recv(5) == b"hello"
        accepted.close()


@pytest.mark.slow
async def test_listener_of_another_kind_is_left_as_it_is() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        await refuse_handshakes([listener])
