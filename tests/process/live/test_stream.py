"""Streams of events from a process of its own: they come as they happen, and end well."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.process.live.streams import rest

pytestmark = pytest.mark.process

HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}


@pytest.fixture
def note(tmp_path: Path) -> Note:
    return Note(tmp_path / "note")


def streaming(router: Router, tool: str, **arguments: Any) -> AbstractContextManager[HTTPResponse]:
    return router.sent("POST", "/slow/mcp/call", HEADERS, {"tool": tool, "arguments": arguments})


def last_event(stream: HTTPResponse) -> tuple[str, Any]:
    name, data = rest(stream).strip().rpartition("event: ")[2].split("\n")
    return name, json.loads(data.removeprefix("data: "))


def test_the_answer_begins_before_the_tool_is_done_and_leaving_cancels_it(start: Start, note: Note) -> None:
    router = start().await_table()
    with streaming(router, "wait", seconds=60, note=str(note.path)) as stream:
        assert stream.status == 200
        note.await_lines("began")
    note.await_lines("began", "cancelled")
    assert router.call("slow", "wait", seconds=0) == (200, {"result": "waited"})
    router.end()
    assert router.complaints() == []
    assert "via=call outcome=cancelled" in router.log()


def test_a_stream_in_flight_comes_to_its_end_within_the_grace(start: Start, note: Note) -> None:
    router = start(MCP_SHUTDOWN_GRACE="5").await_table()
    with streaming(router, "wait", seconds=1, note=str(note.path)) as stream:
        note.await_lines("began")
        assert router.end() < 5
        assert last_event(stream) == ("result", {"result": "waited"})
    assert router.complaints() == []


@pytest.mark.parametrize("tool", ["wait", "sleep"])
def test_a_stream_that_the_grace_cuts_off_ends_with_an_error(start: Start, note: Note, tool: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE="1").await_table()
    with streaming(router, tool, seconds=60, note=str(note.path)) as stream:
        note.await_lines("began")
        assert router.end() < 3
        name, problem = last_event(stream)
    assert (name, problem["type"], problem["status"]) == ("error", "urn:multi-mcp:error:unavailable", 503)
    assert "Traceback" not in router.log()
