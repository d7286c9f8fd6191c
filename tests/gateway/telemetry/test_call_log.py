"""The log line of a call, and the time at which it is written."""

from __future__ import annotations

import io
import json
from typing import Any

import anyio
import pytest

from gateway.call import ToolCall, ToolResult
from gateway.caller import Caller
from gateway.telemetry.call_log import CallLog
from tests.calls import make_call

pytestmark = pytest.mark.anyio
NOON = 1_800_000_000.25


def made(form: str = "text", **options: Any) -> tuple[CallLog, io.StringIO]:
    stream = io.StringIO()
    return CallLog(stream, form, clock=lambda: NOON, **options), stream


def call(tool: str = "add_tool", caller: str | None = None) -> ToolCall:
    return make_call(tool, {"a": 1}, server="math", caller=Caller(caller), request_id="id-1")


async def test_call_is_one_line_of_fields_as_text() -> None:
    log, stream = made()
    log(call(), "ok", 0.0123, None)
    log.flush()
    assert stream.getvalue() == (
        "2027-01-15T08:00:00.250Z info    call"
        " request_id=id-1 server=math tool=add_tool via=call outcome=ok ms=12.300\n"
    )


async def test_call_is_one_object_as_json() -> None:
    log, stream = made("json")
    log(call(caller="ci"), "tool-error", 0.0123, None)
    log.flush()
    assert json.loads(stream.getvalue()) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "info",
        "event": "call",
        "request_id": "id-1",
        "server": "math",
        "tool": "add_tool",
        "via": "call",
        "outcome": "tool-error",
        "ms": 12.3,
        "caller": "ci",
    }


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("tool", ["a\nb", "a b", 'a"b', "\u2028", "", "x" * 500])
async def test_made_up_tool_name_stays_in_its_line_and_is_cut(form: str, tool: str) -> None:
    log, stream = made(form)
    log(call(tool), "unknown-tool", 0.001, None)
    log.flush()
    (line,) = stream.getvalue().splitlines()
    assert "outcome" in line
    assert len(line) < 300


async def test_caller_is_in_the_text_line_too() -> None:
    log, stream = made()
    log(call(caller="ci bot"), "ok", 0.001, None)
    log.flush()
    assert stream.getvalue().rstrip().endswith('caller="ci bot"')


@pytest.mark.parametrize("form", ["text", "json"])
async def test_arguments_and_results_are_written_only_if_enabled(form: str) -> None:
    for is_enabled in (False, True):
        log, stream = made(form, with_arguments=is_enabled)
        log(call(), "ok", 0.001, ToolResult(b'{"result":2}'))
        log.flush()
        assert ("arguments" in stream.getvalue()) is is_enabled
        assert ("result" in stream.getvalue()) is is_enabled


@pytest.mark.slow
async def test_lines_are_written_soon_and_a_full_batch_at_once() -> None:
    log, stream = made()
    log(call(), "ok", 0.001, None)
    assert stream.getvalue() == ""
    with anyio.fail_after(2):
        while not stream.getvalue():
            await anyio.lowlevel.checkpoint()
    for _ in range(1000):
        log(call(), "ok", 0.001, None)
    assert stream.getvalue().count("\n") == 1001


async def test_each_line_has_the_time_of_its_call() -> None:
    now = [NOON]
    stream = io.StringIO()
    log = CallLog(stream, "text", clock=lambda: now[0])
    for seconds in (0.0, 0.75, 60.0):
        now[0] = NOON + seconds
        log(call(), "ok", 0.001, None)
    log.flush()
    assert [line[14:24] for line in stream.getvalue().splitlines()] == ["00:00.250Z", "00:01.000Z", "01:00.250Z"]


async def test_number_of_cached_names_is_bounded() -> None:
    log, _ = made()
    for number in range(3000):
        log(call(f"tool{number}"), "ok", 0.001, None)
    assert log._is_plain.cache_info().currsize == 1000
