"""The watchdog of a real process: a blocked event loop is logged with the tool that blocks it, and measured."""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.telemetry.test_metrics import await_scrape, scraped

pytestmark = pytest.mark.process
SERVERS = Path(__file__).parent / "servers"
LAG = "mcp_event_loop_lag_seconds"
BLOCKED, AGAIN = "Event loop blocked", "Event loop turns again"


def lag(router: Router) -> float:
    return scraped(router).value(LAG) or 0.0


def await_lag(router: Router, seconds: float) -> None:
    """Waits until more than this was measured."""
    await_scrape(router, lambda scrape: (scrape.value(LAG) or 0.0) > seconds)


def line_of(tool: str) -> int:
    """Returns the number of the line in which the tool sleeps."""
    source = (SERVERS / "blocking_server.py").read_text()
    return source[: source.index("time.sleep", source.index(f"def {tool}("))].count("\n") + 1


def warned(router: Router, event: str) -> list[dict[str, Any]]:
    return [line for line in router.events() if line["event"] == event]


def await_warning(router: Router, event: str) -> None:
    for _ in range(200):
        if warned(router, event):
            return
        time.sleep(0.05)
    raise AssertionError(router.log())


def blocking(start: Start, **settings: str) -> Router:
    return start(MCP_SERVERS_DIR=str(SERVERS), MCP_METRICS="/metrics", LOG_FORMAT="json", **settings)


def test_line_names_the_server_the_tool_and_the_place_that_blocks_the_loop(start: Start) -> None:
    router = blocking(start).await_table()
    assert lag(router) < 1
    assert router.call("blocking", "nap", seconds=3)[0] == 200
    await_warning(router, AGAIN)
    (line,) = warned(router, BLOCKED)
    (call,) = warned(router, "call")
    assert (line["server"], line["tool"], line["request_id"]) == ("blocking", "nap", call["request_id"])
    assert line["stack"].endswith(f"telemetry/servers/blocking_server.py:{line_of('nap')} nap")
    (again,) = warned(router, AGAIN)
    assert 2 <= again["seconds"] < 10
    await_lag(router, 2)


def test_line_names_a_tool_that_was_called_through_the_sdk(start: Start) -> None:
    router = blocking(start).await_table()
    message = wire.request("tools/call", name="nap_with_context", arguments={"seconds": 2.2})
    with router.sent("POST", "/blocking/mcp", wire.in_session(router.session("blocking")), message) as answer:
        answer.read()
    await_warning(router, AGAIN)
    (line,) = warned(router, BLOCKED)
    assert (line["server"], line["tool"]) == ("blocking", "nap_with_context")
    assert re.search(rf"blocking_server\.py:{line_of('nap_with_context')} nap_with_context$", line["stack"])


def test_loop_that_a_tool_blocks_without_releasing_the_interpreter_is_noticed(start: Start) -> None:
    router = blocking(start).await_table()
    seconds, numbers = 0.0, 30_000_000
    while seconds < 2.5:  # as many as this machine needs
        numbers *= 2
        started = time.monotonic()
        assert router.call("blocking", "hold_the_interpreter", numbers=numbers)[0] == 200
        seconds = time.monotonic() - started
    await_lag(router, 1)
    assert "Event loop" in router.log()


def test_lag_of_a_blocked_worker_can_be_scraped_from_another(start: Start) -> None:
    router = blocking(start, WORKERS="2")
    router.await_table()
    nap = threading.Thread(target=router.call, args=("blocking", "nap"), kwargs={"seconds": 3})
    nap.start()
    await_lag(router, 1)
    nap.join()
    assert len(warned(router, BLOCKED)) == 1


def test_process_that_was_suspended_is_not_blocked(start: Start) -> None:
    router = blocking(start).await_table()
    time.sleep(0.6)  # until the thread has looked once
    router.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)  # no event tells that time has passed
    router.process.send_signal(signal.SIGCONT)
    time.sleep(1.2)  # until both have run again
    assert lag(router) < 1
    assert "Event loop" not in router.log()
