"""Code of an author cannot end the process, and the end of the application is not overlooked."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process
FOLDER = str(Path(__file__).parent / "leaving")


def call_each(router: Router, tool: str, kinds: tuple[str, ...]) -> list[int]:
    return [router.call("leaving", tool, kind=kind)[0] for kind in kinds]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_exit_of_a_tool_or_of_a_task_that_it_left_behind_does_not_end_the_process(start: Start, workers: str) -> None:
    router = start(MCP_SERVERS_DIR=FOLDER, WORKERS=workers).await_table()
    router.await_answer(router.port)
    assert call_each(router, "leave", ("exit", "interrupt", "callback")) == [200, 200, 200]
    assert call_each(router, "raise", ("exit", "interrupt")) == [500, 500]
    assert router.call("leaving", "add", a=1, b=2) == (200, {"result": 3})
    assert router.get("/health")["status"] == "ok"
    log = router.log()
    assert "A background task raised SystemExit(3) at " in log
    assert "leaving_server.py:" in log
    assert "A background task raised KeyboardInterrupt() at " in log
    assert log.count("the process goes on") == 3
    assert "worker exited" not in log
    assert router.end(signal.SIGTERM) < 5
    assert router.process.returncode == (-signal.SIGTERM if workers == "1" else 0)


def test_process_whose_application_ended_ends_with_code_1(start: Start) -> None:
    router = start(MCP_SERVERS_DIR=FOLDER).await_table()
    assert router.call("leaving", "end") == (200, {"result": "ended"})
    assert router.finished(within=10) == 1
    assert "the application ended while it was serving; the process ends" in router.log()


def test_worker_whose_application_ended_is_replaced(start: Start) -> None:
    router = start(MCP_SERVERS_DIR=FOLDER, WORKERS="2").await_table()
    router.await_answer(router.port)
    assert router.call("leaving", "end")[0] == 200
    deadline = time.monotonic() + 20
    while router.log().count("worker started") < 3:
        assert router.get("/health")["status"] == "ok"
        assert time.monotonic() < deadline, router.log()
