"""Clients that disconnect from a real process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router

pytestmark = pytest.mark.process


def disconnect(router: Router, url: str, headers: dict[str, str], body: object, note: Note) -> None:
    connection = router.connection()
    connection.request("POST", url, json.dumps(body), headers)
    note.await_lines("began")
    connection.close()


@pytest.fixture
def router(start: Start) -> Router:
    return start().await_table()


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("url", ["/slow/mcp/call", "/call", "/slow/mcp/tools/wait_tool", "/slow/mcp", "/mcp"])
def test_disconnect_cancels_the_call(router: Router, tmp_path: Path, url: str) -> None:
    note = Note(tmp_path / "note")
    arguments = {"seconds": 60, "note": str(note.path)}
    headers, body = JSON, dict[str, Any]({"tool": "wait_tool", "arguments": arguments})
    if "tools/" in url:
        body = arguments
    elif url.endswith("/mcp"):
        name = "slow_wait_tool" if url == "/mcp" else "wait_tool"
        headers, body = wire.modern("tools/call", name=name, arguments=arguments)
    disconnect(router, url, headers, body, note)
    assert note.await_lines("began", "cancelled") < 2
    assert router.get("/health")["status"] == "ok"
    router.end()
    assert router.complaints() == []
    assert "outcome=cancelled" in router.log()


def test_sync_tool_finishes_in_its_thread_after_a_disconnect(router: Router, tmp_path: Path) -> None:
    note = Note(tmp_path / "note")
    body = {"tool": "sleep_tool", "arguments": {"seconds": 1, "note": str(note.path)}}
    disconnect(router, "/slow/mcp/call", JSON, body, note)
    note.await_lines("began", "done")
    router.end()
    assert router.complaints() == []


def test_call_in_a_session_continues_after_a_disconnect_and_its_result_can_be_fetched(
    router: Router, tmp_path: Path
) -> None:
    note, session = Note(tmp_path / "note"), wire.in_session(router.session("slow"))
    call = wire.request("tools/call", 5, name="wait_tool", arguments={"seconds": 1, "note": str(note.path)})
    with router.sent("POST", "/slow/mcp", session, call) as stream:
        event = stream.readline().decode().removeprefix("id: ").strip()
        note.await_lines("began")
    note.await_lines("began", "done")
    with router.sent("GET", "/slow/mcp", {**session, "last-event-id": event}) as replay:
        lines = [replay.readline().decode() for _ in range(3)]
    assert json.loads(lines[2].removeprefix("data: "))["result"]["structuredContent"] == {"result": "waited"}


@pytest.mark.parametrize("url", ["/slow/mcp/call", "/slow/mcp/tools/wait_tool", "/slow/mcp", "/mcp"])
@pytest.mark.parametrize("modern", [{}, wire.modern("tools/list")[0]])
def test_disconnect_in_the_middle_of_a_body_is_not_logged_as_an_error(
    router: Router, url: str, modern: dict[str, str]
) -> None:
    for _ in range(25):
        connection = router.connection()
        connection.putrequest("POST", url)
        for name, value in {**wire.BOTH_TYPES, **modern, "content-length": "1000"}.items():
            connection.putheader(name, value)
        connection.endheaders(b'{"tool": ')
        connection.close()
    assert router.get("/health")["status"] == "ok"
    router.end()
    assert router.complaints() == []
