"""Streams of events from a real process: events arrive as they happen, and each stream ends with its result."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from http.client import HTTPResponse
from typing import Any

import pytest

from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.process.live.streams import rest

pytestmark = pytest.mark.process

HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}


def streaming(router: Router, tool: str, **arguments: Any) -> AbstractContextManager[HTTPResponse]:
    return router.sent("POST", "/slow/mcp/call", HEADERS, {"tool": tool, "arguments": arguments})


def last_event(stream: HTTPResponse) -> tuple[str, Any]:
    name, data = rest(stream).strip().rpartition("event: ")[2].split("\n")
    return name, json.loads(data.removeprefix("data: "))


def test_response_begins_before_the_tool_ends_and_a_disconnect_cancels_the_call(start: Start, note: Note) -> None:
    router = start().await_table()
    with streaming(router, "wait", seconds=60, note=str(note.path)) as stream:
        assert stream.status == 200
        note.await_lines("began")
    note.await_lines("began", "cancelled")
    assert router.call("slow", "wait", seconds=0) == (200, {"result": "waited"})
    router.end()
    assert router.complaints() == []
    assert "via=call outcome=cancelled" in router.log()


def test_stream_in_flight_ends_with_its_result_within_the_grace(start: Start, note: Note) -> None:
    router = start(MCP_SHUTDOWN_GRACE="5").await_table()
    with streaming(router, "wait", seconds=1, note=str(note.path)) as stream:
        note.await_lines("began")
        assert router.end() < 5
        assert last_event(stream) == ("result", {"result": "waited"})
    assert router.complaints() == []


@pytest.mark.parametrize("tool", ["wait", "sleep"])
def test_stream_that_outlives_the_grace_ends_with_an_error(start: Start, note: Note, tool: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE="1").await_table()
    with streaming(router, tool, seconds=60, note=str(note.path)) as stream:
        note.await_lines("began")
        assert router.end() < 3
        name, problem = last_event(stream)
    assert (name, problem["type"], problem["status"]) == ("error", "urn:multi-mcp:error:unavailable", 503)
    assert "Traceback" not in router.log()
