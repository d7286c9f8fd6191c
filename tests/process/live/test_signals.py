"""Signals to a process: which drain it, which it ignores, and the delay in which it still takes requests."""

from __future__ import annotations

import http.client
import os
import signal
import time
from pathlib import Path

import pytest

from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router

pytestmark = pytest.mark.process

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
HANGING = """
import anyio, time
from contextlib import asynccontextmanager
from mcp.server.mcpserver import MCPServer

@asynccontextmanager
async def lifespan(server):
    {}
    yield

mcp = MCPServer("hanging", lifespan=lifespan)
"""


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGHUP])
def test_signal_drains_like_sigterm(start: Start, note: Note, number: signal.Signals) -> None:
    router = start(MCP_SHUTDOWN_GRACE="5").await_table()
    with router.calling("slow", "wait", seconds=1, note=str(note.path)) as connection:
        note.await_lines("began")
        assert router.end(number) < 5
        assert connection.getresponse().status == 200
    assert router.process.returncode == -signal.SIGTERM


@WORKERS
def test_signals_without_a_meaning_are_ignored_and_logged(start: Start, workers: str) -> None:
    router = start(WORKERS=workers).await_table()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(router.process.pid, number)
        router.await_log(f"signal ignored signal={number.name}")
    assert router.get("/health")["status"] == "ok"


def test_hangup_is_ignored_if_the_process_was_started_so(start: Start) -> None:
    run = "import signal, runpy; signal.signal(1, signal.SIG_IGN); runpy.run_path('app.py', run_name='__main__')"
    router = start("-c", run).await_table()
    os.kill(router.process.pid, signal.SIGHUP)
    assert [router.get("/health")["status"] for _ in range(5)] == ["ok"] * 5
    router.end()
    assert router.process.returncode == -signal.SIGTERM


@WORKERS
@pytest.mark.parametrize("waiting", ["await anyio.sleep(60)", "time.sleep(60)"])
def test_start_that_hangs_is_visible_and_ends_within_the_grace(
    start: Start, tmp_path: Path, workers: str, waiting: str
) -> None:
    (tmp_path / "hanging_server.py").write_text(HANGING.format(waiting))
    router = start(MCP_SERVERS_DIR=str(tmp_path), WORKERS=workers, MCP_SHUTDOWN_GRACE="0.5")
    log = router.await_log("opening server server=hanging")
    assert "serving" not in log
    assert router.end() < 5
    assert "Traceback" not in router.log()
    assert router.printed() == ""


def answer_of(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer


def status(router: Router, path: str) -> int:
    with router.sent("GET", path) as answer:
        answer.read()
        return answer.status


def await_draining(router: Router) -> None:
    while status(router, "/readyz") != 503:
        time.sleep(0.01)


@WORKERS
def test_draining_process_serves_on_and_asks_its_clients_to_leave(start: Start, workers: str) -> None:
    router = start(MCP_DRAIN_DELAY="2", WORKERS=workers).await_workers(int(workers))
    kept = router.connection()
    assert answer_of(kept, "/readyz").headers["connection"] is None
    os.kill(router.process.pid, signal.SIGTERM)
    sent = time.monotonic()
    await_draining(router)
    while (answer := answer_of(kept, "/health")).headers["connection"] is None:  # of the other worker
        assert time.monotonic() < sent + 1.5
    kept.close()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    while time.monotonic() < sent + 1.5:
        assert router.call("math", "add", a=1, b=2) == (200, {"result": 3})
        assert status(router, "/livez") == 200
    router.finished()
    assert 2 <= time.monotonic() - sent < 5
    assert router.complaints() == []


@WORKERS
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_skips_the_delay(start: Start, workers: str, second: signal.Signals) -> None:
    router = start(MCP_DRAIN_DELAY="60", WORKERS=workers).await_workers(int(workers))
    os.kill(router.process.pid, signal.SIGTERM)
    await_draining(router)
    assert router.end(second) < 5


def test_interrupt_has_no_delay(start: Start) -> None:
    router = start(MCP_DRAIN_DELAY="60").await_table()
    assert router.end(signal.SIGINT) < 5
    assert router.process.returncode == 130
