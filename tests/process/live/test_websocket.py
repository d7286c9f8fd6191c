"""WebSockets of a real process, with the client of the `websockets` package."""

from __future__ import annotations

import socket

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from tests.process.echoing import frame
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.sockets import ADD, ask, closing, connected, receive, send, slug, waiting

pytestmark = pytest.mark.process


def test_calls_are_answered_after_their_reports(start: Start) -> None:
    router = start().await_table()
    with connected(router) as client:
        assert client.ping().wait(10)
        assert ask(client, id="a", **ADD) == {"id": "a", "result": 3}
        send(client, id=2, server="slow", tool="steps", arguments={"count": 3})
        assert [receive(client) for _ in range(4)] == [
            *({"id": 2, "progress": {"progress": step, "total": 3}} for step in (1, 2, 3)),
            {"id": 2, "result": "done"},
        ]
    with connected(router, "/math/mcp/ws", subprotocols=["multi-mcp"]) as client:
        assert client.subprotocol == "multi-mcp"
        assert ask(client, id=1, tool="add", arguments={"a": 1, "b": 2}) == {"id": 1, "result": 3}


def test_waiting_call_does_not_block_others_and_can_be_cancelled(start: Start, note: Note) -> None:
    router = start().await_table()
    with connected(router) as client:
        waiting(client, 1, note)
        assert [ask(client, id=number, **ADD)["id"] for number in (2, 3, 4)] == [2, 3, 4]
        assert slug(ask(client, id=1, cancel=True)) == "cancelled"
        note.await_lines("began", "cancelled")


@pytest.mark.parametrize("is_clean", [True, False])
def test_disconnecting_cancels_the_calls_in_flight(start: Start, note: Note, is_clean: bool) -> None:
    router = start().await_table()
    with connected(router) as client:
        waiting(client, 1, note)
        if not is_clean:
            client.socket.shutdown(socket.SHUT_RDWR)
    note.await_lines("began", "cancelled")
    router.end()
    assert router.complaints() == []


def test_invalid_frame_gets_a_problem_and_protocol_error_closes(start: Start) -> None:
    router = start(MCP_MAX_BODY="20000").await_table()
    with connected(router) as client:
        client.send(b"binary")
        assert slug(receive(client)) == "invalid-request"
        client.send("no JSON")
        assert slug(receive(client)) == "invalid-request"
        client.send("x" * 80000)
        assert slug(receive(client)) == "too-large"
        assert ask(client, id=1, **ADD) == {"id": 1, "result": 3}
        client.send("x" * 80001)
        assert closing(client)[0] == 1009
    with connected(router) as client:
        client.socket.sendall(frame(Opcode.TEXT, b"\xff"))
        assert closing(client)[0] == 1007
    with connected(router) as client:
        client.socket.sendall(b"\x83\x80\0\0\0\0")
        assert closing(client)[0] == 1002
    assert "Traceback" not in router.log()


def test_handshake_of_a_foreign_page_or_at_an_unknown_path_is_refused(start: Start) -> None:
    router = start().await_table()
    for path, origin, status in [("/ws", "http://evil.example", 403), ("/nothing/ws", "http://localhost", 404)]:
        with pytest.raises(InvalidStatus) as refused, connected(router, path, origin=origin):
            pass
        assert refused.value.response.status_code == status
        assert refused.value.response.headers["content-type"] == "application/problem+json"
    assert router.complaints() == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_shutdown_finishes_the_calls_in_flight(start: Start, note: Note, workers: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE="6", WORKERS=workers).await_workers(int(workers))
    with connected(router) as busy, connected(router) as idle:
        waiting(busy, 1, note, seconds=2)
        ended_in = router.end()
        assert closing(idle) == (1001, "The router is shutting down.")
        assert receive(busy) == {"id": 1, "result": "waited"}
        assert closing(busy) == (1001, "The router is shutting down.")
    assert ended_in < 6
    assert note.lines() == ["began", "done"]
    assert router.complaints() == []


@pytest.mark.parametrize("tool", ["wait", "sleep"])
def test_call_that_outlives_the_shutdown_grace_is_answered(start: Start, note: Note, tool: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE="1").await_table()
    with connected(router) as client:
        waiting(client, 1, note, tool=tool)
        assert router.end() < 4
        assert slug(receive(client)) == "unavailable"
        assert closing(client) == (1001, "The router is shutting down.")
    assert "Traceback" not in router.log()


def test_shutdown_of_the_uvicorn_command_closes_with_1012(start: Start, note: Note) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    router = start("-m", "uvicorn", "app:app", "--port", str(port), "--timeout-graceful-shutdown", "3")
    router.await_answer(port)
    with connected(router) as client:
        assert ask(client, id=1, **ADD) == {"id": 1, "result": 3}
        waiting(client, 2, note)
        router.end()
        assert closing(client)[0] == 1012
    assert note.lines() == ["began", "cancelled"]


def test_disabled_websocket_is_404(start: Start) -> None:
    router = start(MCP_WEBSOCKET="0").await_table()
    with pytest.raises(InvalidStatus) as refused, connected(router):
        pass
    assert refused.value.response.status_code == 404
    assert router.call("math", "add", a=1, b=2) == (200, {"result": 3})
