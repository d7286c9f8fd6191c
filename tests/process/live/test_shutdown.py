"""The shutdown of a process: it takes at most the grace and two seconds, and calls and streams end properly."""

from __future__ import annotations

import http.client
import json
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.process.live.streams import calling_in_session, calling_statelessly, listening, rest

pytestmark = pytest.mark.process

GRACE = 4
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
"""Two workers have no sessions, so tests that need a session use one."""


def check_end(router: Router, seconds: float, *, within: float = GRACE + 2) -> None:
    assert seconds < within, router.log()
    assert "Traceback" not in router.log()
    assert router.process.returncode == -signal.SIGTERM


@WORKERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_process_ends_at_once(start: Start, workers: str, number: signal.Signals) -> None:
    router = start(WORKERS=workers).await_workers(int(workers))
    assert router.end(number) < 3
    assert router.complaints() == []
    expected = {signal.SIGTERM: -signal.SIGTERM, signal.SIGINT: 130}
    assert router.process.returncode == (0 if workers == "2" else expected[number])


def test_first_process_of_a_container_ends_with_code_0(start: Start, note: Note) -> None:
    """The kernel drops the signal that such a process sends itself. The test ignores the signal for the same effect."""
    ignoring = "import signal, runpy; signal.signal(15, signal.SIG_IGN); runpy.run_path('app.py', run_name='__main__')"
    router = start("-c", ignoring, MCP_SHUTDOWN_GRACE="1").await_table()
    with router.calling("slow", "sleep", seconds=60, note=str(note.path)):
        note.await_lines("began")
        assert router.end() < 3
    assert router.process.returncode == 0


def test_idle_stream_of_a_session_ends_at_once(start: Start) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE)).await_table()
    with router.sent("GET", "/slow/mcp", wire.in_session(router.session("slow"))) as stream:
        assert stream.status == 200
        check_end(router, router.end(), within=3)


@WORKERS
def test_listen_stream_ends_with_its_final_result(start: Start, workers: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE), WORKERS=workers).await_workers(int(workers))
    with listening(router) as stream:
        assert router.end() < 3
        final = wire.messages(rest(stream))
    assert [(message["id"], message["result"]["resultType"]) for message in final] == [(1, "complete")]


@WORKERS
@pytest.mark.parametrize("tool", ["wait", "sleep"])
def test_json_call_in_flight_completes_within_the_grace(start: Start, note: Note, workers: str, tool: str) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE), WORKERS=workers).await_workers(int(workers))
    with router.calling("slow", tool, seconds=2, note=str(note.path)) as connection:
        note.await_lines("began")
        assert router.end() < GRACE
        answer = connection.getresponse()
        assert (answer.status, b"result" in answer.read()) == (200, True)
    assert note.lines() == ["began", "done"]
    assert "Traceback" not in router.log()


def test_call_in_a_session_completes_within_the_grace(start: Start, note: Note) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE)).await_table()
    with calling_in_session(router, seconds=1.5, note=str(note.path)) as stream:
        note.await_lines("began")
        check_end(router, router.end(), within=GRACE)
        result = wire.messages(rest(stream))[-1]["result"]
    assert result["structuredContent"] == {"result": "waited"}


def test_stateless_call_completes_within_the_grace(start: Start, note: Note) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE)).await_table()
    with calling_statelessly(router, seconds=1.5, note=str(note.path)) as connection:
        note.await_lines("began")
        check_end(router, router.end(), within=GRACE)
        answer = json.loads(connection.getresponse().read())
    assert answer["result"]["structuredContent"] == {"result": "waited"}


@pytest.mark.parametrize("tool", ["wait", "sleep"])
@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, "1"), (signal.SIGTERM, "2"), (signal.SIGINT, "1")])
def test_call_that_outlives_the_grace_gets_503(
    start: Start, note: Note, workers: str, tool: str, number: signal.Signals
) -> None:
    router = start(MCP_SHUTDOWN_GRACE="1", WORKERS=workers).await_workers(int(workers))
    with router.calling("slow", tool, seconds=60, note=str(note.path)) as connection:
        note.await_lines("began")
        assert router.end(number) < 3
        check_unavailable(connection.getresponse())
    assert note.lines() == {"wait": ["began", "cancelled"], "sleep": ["began"]}[tool]
    assert "Traceback" not in router.log()


def check_unavailable(answer: http.client.HTTPResponse) -> None:
    document = json.loads(answer.read())
    assert (answer.status, document["type"]) == (503, "urn:multi-mcp:error:unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert document["requestId"] == answer.headers["x-request-id"]


def test_calls_and_streams_of_every_kind_end_together(start: Start, tmp_path: Path) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE)).await_table()
    notes = [Note(tmp_path / f"note-{number}") for number in range(6)]
    arguments = [{"seconds": seconds, "note": str(note.path)} for note, seconds in zip(notes, [1, 60] * 3, strict=True)]
    with ExitStack() as stack:
        session = wire.in_session(router.session("slow"))
        stack.enter_context(router.sent("GET", "/slow/mcp", session))
        listen = stack.enter_context(listening(router))
        done = stack.enter_context(router.calling("slow", "wait", **arguments[0]))
        cut = stack.enter_context(router.calling("slow", "sleep", **arguments[1]))
        done_in_session = stack.enter_context(calling_in_session(router, **arguments[2]))
        stack.enter_context(calling_in_session(router, **arguments[3]))
        done_statelessly = stack.enter_context(calling_statelessly(router, **arguments[4]))
        cut_statelessly = stack.enter_context(calling_statelessly(router, **arguments[5]))
        for note in notes:
            note.await_lines("began")
        check_end(router, router.end())
        assert wire.messages(rest(listen))[-1]["result"]["resultType"] == "complete"
        assert done.getresponse().status == 200
        assert wire.messages(rest(done_in_session))[-1]["result"]["structuredContent"] == {"result": "waited"}
        assert done_statelessly.getresponse().status == 200
        check_unavailable(cut.getresponse())
        assert cut_statelessly.getresponse().status == 503


def test_calls_and_streams_end_together_with_two_workers(start: Start, tmp_path: Path) -> None:
    router = start(MCP_SHUTDOWN_GRACE=str(GRACE), WORKERS="2").await_workers(2)
    notes = [Note(tmp_path / f"note-{number}") for number in range(3)]
    arguments = [{"seconds": seconds, "note": str(note.path)} for note, seconds in zip(notes, [1, 60, 1], strict=True)]
    with ExitStack() as stack:
        listens = [stack.enter_context(listening(router)) for _ in range(6)]
        done = stack.enter_context(router.calling("slow", "wait", **arguments[0]))
        cut = stack.enter_context(calling_statelessly(router, **arguments[1]))
        call = wire.request("tools/call", name="wait_tool", arguments=arguments[2])
        legacy = stack.enter_context(router.sent("POST", "/slow/mcp", wire.BOTH_TYPES, call))
        for note in notes:
            note.await_lines("began")
        assert router.end() < GRACE + 2
        assert [wire.messages(rest(each))[-1]["result"]["resultType"] for each in listens] == ["complete"] * 6
        assert (done.getresponse().status, cut.getresponse().status) == (200, 503)
        assert wire.messages(rest(legacy))[-1]["result"]["structuredContent"] == {"result": "waited"}
    assert "Traceback" not in router.log()
