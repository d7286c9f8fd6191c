"""The log of a real process. Each event is one line, with any text from clients and tools."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.test_start import FAILING_START
from tests.shipped import shipped

pytestmark = pytest.mark.process

INJECTED = "x\n2026-01-01T00:00:00.000Z info    call request_id=forged\r\u2028outcome=ok\x1b[31m"
LOUD = """
import threading
import warnings
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("loud")

def crash():
    raise RuntimeError("in a thread\\nnot in this line")

@mcp.tool()
async def warn() -> str:
    warnings.warn("a warning\\nnot in this line")
    thread = threading.Thread(target=crash)
    thread.start()
    thread.join()
    return "warned"
"""
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) +\S.*")


def cause_events(router: Router) -> None:
    """Makes a good call, a bad, an unknown, a crashing and a cancelled one, each with text that could break a line."""
    assert router.call("echo", "echo", message=INJECTED)[0] == 200
    assert router.call("echo", "echo", message=1)[0] == 422
    assert router.call("echo", INJECTED)[0] == 404
    assert router.call("slow", "crash", message=INJECTED)[0] == 500
    with router.sent("GET", f"/echo/mcp/tools/{'%0A'.join('ab')}") as answer:
        assert answer.status == 404
    with router.sent("GET", "/health", {"host": "evil.com", "x-request-id": 'forged" \u00e9 outcome=ok'}) as answer:
        assert answer.status == 421
    headers, body = wire.modern("tools/call", name="crash_tool", arguments={"message": INJECTED})
    with router.sent("POST", "/slow/mcp", headers, body) as answer:
        assert b"isError" in answer.read()
    session = router.session("slow")
    call = wire.request("tools/call", name=INJECTED, arguments={})
    with router.sent("POST", "/slow/mcp", wire.in_session(session), call) as answer:
        answer.read()
    with router.calling("slow", "wait", seconds=60):
        router.end()


@pytest.mark.parametrize("more", [{}, {"LOG_ARGUMENTS": "1"}, {"LOG_LEVEL": "debug"}])
def test_every_line_parses_as_json(start: Start, more: dict[str, str]) -> None:
    router = start(LOG_FORMAT="json", MCP_SHUTDOWN_GRACE="1", **more).await_table()
    cause_events(router)
    lines = [json.loads(line) for line in router.log().split("\n")[:-1]]
    assert all({"time", "level", "event", "request_id"} <= set(line) for line in lines)
    calls = [line for line in lines if line["event"] == "call"]
    outcomes = ["ok", "invalid-arguments", "unknown-tool", "tool-crashed", "tool-crashed"]
    assert [call["outcome"] for call in calls][:5] == outcomes
    assert calls[-1]["outcome"] == "cancelled"
    assert [call["via"] for call in calls][:5] == ["call", "call", "call", "call", "mcp"]
    assert calls[2]["tool"] == INJECTED
    assert "forged" not in {call["request_id"] for call in calls}
    assert all(isinstance(call["ms"], float) for call in calls)
    (refused,) = [line for line in lines if line["event"] == "refused"]
    assert (refused["reason"], refused["address"]) == ("misdirected", "127.0.0.1")
    assert all(line["request_id"].isprintable() and " " not in line["request_id"] for line in lines)
    assert "RuntimeError" in next(line["exception"] for line in lines if "exception" in line)


def test_only_tracebacks_take_more_than_one_text_line(start: Start) -> None:
    router = start(MCP_SHUTDOWN_GRACE="1").await_table()
    cause_events(router)
    lines = router.log().splitlines()
    others = [line for line in lines if not TEXT_LINE.fullmatch(line)]
    assert any("Traceback (most recent call last)" in line for line in others)
    assert [line for line in others if not line.startswith("  ")] == []
    assert [
        line for line in lines if "request_id=forged" in line and not line.startswith("  ") and "\\n" not in line
    ] == []
    assert "\x1b" not in router.log()


def events(router: Router) -> list[tuple[str, str]]:
    """Returns the events of starts and ends in their order, each with its server or its exit code."""
    logged = [event for event in router.events() if event["event"] != "call" and event["level"] == "info"]
    return [(event["event"], str(event.get("server", event.get("exit", "")))) for event in logged]


def test_starts_and_ends_are_logged_once(start: Start) -> None:
    router = start(LOG_FORMAT="json", SERVERS="echo,math").await_table()
    router.end()
    opened = [(event, server) for server in ("echo", "math") for event in ("opening server", "server opened")]
    closed = [("server closed", "math"), ("server closed", "echo")]
    ending = [("draining", ""), *closed, ("stopped", "")]
    assert events(router) == [("starting", ""), *opened, ("serving", ""), *ending]
    serving = next(event for event in router.events() if event["event"] == "serving")
    assert serving["url"] == f"http://127.0.0.1:{router.port}"


def test_each_of_several_workers_is_logged(start: Start) -> None:
    router = start(LOG_FORMAT="json", WORKERS="2").await_workers(2)
    router.end()
    logged = events(router)
    assert logged[0] == ("starting", "")
    assert logged.index(("serving", "")) > logged.index(("server opened", "slow"))
    assert [event for event in logged if event[0].startswith("worker")] == [
        *[("worker started", "")] * 2,
        *[("worker exited", str(-signal.SIGTERM))] * 2,
    ]
    assert logged.count(("server opened", "slow")) == logged.count(("server closed", "slow")) == 2
    assert logged.count(("draining", "")) == 2
    assert logged[-1] == ("stopped", "")


@pytest.mark.parametrize(
    "settings", [{"PORT": "http"}, {"SERVERS": "nothing"}, {"HOST": "no.such.host.invalid"}, {"WORKERS": "2"}]
)
def test_failed_start_is_logged_as_json(start: Start, tmp_path: Path, settings: dict[str, str]) -> None:
    if "WORKERS" in settings:
        (tmp_path / "broken_server.py").write_text(FAILING_START)
        settings |= {"MCP_SERVERS_DIR": str(tmp_path)}
    router = start(LOG_FORMAT="json", **settings)
    assert router.finished() == 1
    assert [event["level"] for event in router.events()].count("error") >= 1


def test_json_tool_of_python_reads_every_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "loud_server.py").write_text(LOUD)
    router = start(LOG_FORMAT="json", MCP_SERVERS_DIR=f"{tmp_path}:{shipped()}").await_table()
    assert router.call("loud", "warn")[0] == 200
    assert router.call("echo", INJECTED)[0] == 404
    router.end()
    command = [sys.executable, "-m", "json.tool", "--json-lines", "--compact"]
    done = subprocess.run(command, input=router.log(), capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(router.log().split("\n")) - 1
    assert "in a thread" in router.log()
    assert "Unhandled exception in thread" in router.log()
    assert "a warning" in router.log()


def test_arguments_and_results_are_logged_only_if_enabled(start: Start) -> None:
    enabled: dict[str, str] = {"LOG_ARGUMENTS": "1"}
    for settings in ({}, enabled, enabled | {"LOG_FORMAT": "json"}):
        router = start(**settings).await_table()
        router.call("echo", "echo", message="a-secret")
        router.call("math", "add", a="another-secret", b=1)
        router.end()
        assert router.log().count("a-secret") == (2 if settings else 0)  # the argument and the result
        assert router.log().count("another-secret") == (1 if settings else 0)


def test_crash_is_logged_at_error_level(start: Start) -> None:
    router = start(LOG_LEVEL="error").await_table()
    router.call("slow", "crash", message="broken")
    router.end()
    assert "RuntimeError: broken" in router.log()
