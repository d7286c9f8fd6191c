"""Several worker processes, and the delay of answers on one connection."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router

pytestmark = pytest.mark.process

CALL = json.dumps({"tool": "add", "arguments": {"a": 1, "b": 2}})
MAX_DELAY = 0.03
"""Seconds. An answer takes 0.04 if small packets wait for an acknowledgement."""


def seconds_of(connection: http.client.HTTPConnection, count: int) -> list[float]:
    """Returns the duration of each of `count` calls on one connection."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        connection.request("POST", "/math/mcp/call", CALL, {"content-type": "application/json"})
        assert json.loads(connection.getresponse().read()) == {"result": 3}
        taken.append(time.perf_counter() - started)
    return taken


@pytest.mark.parametrize("workers", ["1", "2"])
def test_calls_on_a_kept_connection_do_not_wait_for_acknowledgements(start: Start, workers: str) -> None:
    router = start(WORKERS=workers).await_workers(int(workers))
    connection = router.connection()
    seconds_of(connection, 5)
    taken = seconds_of(connection, 20)
    connection.close()
    assert sorted(taken)[5] < MAX_DELAY, taken


def test_events_of_a_stream_do_not_wait_for_acknowledgements(start: Start) -> None:
    router = start().await_table()
    headers = wire.in_session(router.session("math"))
    call = json.dumps(wire.request("tools/call", name="add_tool", arguments={"a": 1, "b": 2}))
    connection, taken = router.connection(), []
    for _ in range(20):
        started = time.perf_counter()
        connection.request("POST", "/math/mcp", call, headers)
        assert b'"result":3' in connection.getresponse().read()
        taken.append(time.perf_counter() - started)
    connection.close()
    assert sorted(taken)[5] < MAX_DELAY, taken


def test_two_workers_share_the_port_and_are_stateless(start: Start) -> None:
    router = start(WORKERS="2").await_workers(2)
    assert "2 workers: no MCP sessions, whose clients could be asked for input and could resume" in router.table
    for _ in range(20):
        with router.sent("POST", "/math/mcp", wire.BOTH_TYPES, wire.INITIALIZE) as answer:
            assert (answer.status, answer.headers["mcp-session-id"]) == (200, None)
            assert wire.messages(answer.read().decode())[0]["result"]["serverInfo"]["name"] == "math"
        with router.sent("POST", "/math/mcp", wire.BOTH_TYPES, wire.request("tools/list")) as answer:
            assert len(wire.messages(answer.read().decode())[0]["result"]["tools"]) == 2
    with router.sent("GET", "/math/mcp", wire.BOTH_TYPES) as answer:
        assert answer.status == 405
    router.end()
    assert router.complaints() == []


def test_single_worker_has_sessions_and_no_note_about_workers(start: Start) -> None:
    router = start().await_table()
    assert not [line for line in router.table if "MCP sessions" in line]
    assert router.session("math")
    assert router.get("/health")["sessions"] == 1


def test_killed_worker_is_replaced(start: Start) -> None:
    router = start(WORKERS="2").await_workers(2)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        router.call("slow", "die")
    router.await_workers(2)


def pids(router: Router) -> set[int]:
    """Returns the process ids of the workers."""
    return {int(line.split("pid=")[1].split()[0]) for line in router.log().splitlines() if "worker started" in line}


def test_workers_drain_and_end_when_their_parent_is_killed(start: Start, note: Note) -> None:
    router = start(WORKERS="2", MCP_SHUTDOWN_GRACE="5").await_workers(2)
    with router.calling("slow", "wait", seconds=1, note=str(note.path)) as connection:
        note.await_lines("began")
        os.kill(router.process.pid, signal.SIGKILL)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"result": "waited"})
    router.process.wait()
    for pid in pids(router):
        await_end(pid)
    with socket.create_server(("127.0.0.1", router.port)):
        pass
    assert router.log().count("the parent process is gone; this worker ends") == 2
    assert router.log().count("stopped") == 2


def await_end(pid: int) -> None:
    """Waits until a process that is no child of this one has ended."""
    for _ in range(1000):
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return
    raise AssertionError(pid)


def test_workers_that_die_in_their_start_end_the_router(start: Start, tmp_path: Path) -> None:
    (tmp_path / "dying_server.py").write_text(
        "import multiprocessing, os\nfrom mcp.server.mcpserver import MCPServer\nmcp = MCPServer('dying')\n"
        "if multiprocessing.parent_process() is not None:\n    os._exit(7)\n"
    )
    router = start(WORKERS="2", MCP_SERVERS_DIR=str(tmp_path))
    assert router.finished(within=100) == 1
    assert "serving" not in router.log()
    assert router.printed() == ""
    assert [line.split(" in a row")[0][-1] for line in router.complaints() if "no worker starts: " in line] == ["5"]
    assert router.log().count("exit=7") < 8


def test_too_large_body_is_answered_before_the_connection_closes(start: Start) -> None:
    router = start(MCP_MAX_BODY="1000").await_table()
    head = b"POST /echo/mcp/call HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    for framing, body in (
        (b"content-length: 100000\r\n\r\n", b"x" * 1000),
        (b"transfer-encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"),
    ):
        with socket.create_connection(("127.0.0.1", router.port)) as connection:
            connection.sendall(head + framing + body)
            assert connection.makefile("rb").readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
