"""Tracebacks in the log: where they stand, and how long they may be."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest

from gateway.telemetry import log
from tests.gateway.telemetry.logged import INJECTED, configured

pytestmark = pytest.mark.usefixtures("restored_log")


def fail(message: str) -> None:
    try:
        raise RuntimeError(message)
    except RuntimeError:
        logging.getLogger("some").exception("It failed")


def test_traceback_is_part_of_a_json_line() -> None:
    stream = configured(form="json")
    fail(INJECTED)
    line = json.loads(stream.getvalue())
    assert line["event"] == "It failed"
    assert line["exception"].startswith("Traceback (most recent call last)")
    assert INJECTED in line["exception"]


def test_traceback_follows_a_text_line_indented_and_escaped() -> None:
    stream = configured()
    fail(INJECTED)
    first, *others = stream.getvalue().splitlines()
    assert "It failed" in first
    assert "Traceback (most recent call last)" in others[0]
    assert all(line.startswith("  ") and line.isprintable() for line in others)


def recurse(number: int) -> None:
    other(number + 1)


def other(number: int) -> None:
    recurse(number + 1)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.slow
def test_traceback_is_bounded_and_keeps_its_begin_and_its_end(form: str) -> None:
    stream = configured(form=form)
    try:
        recurse(0)
    except RecursionError:
        logging.getLogger("some").exception("It failed")
    text = stream.getvalue()
    lines = json.loads(text)["exception"].split("\n") if form == "json" else text.splitlines()[1:]
    assert len(lines) == log.MAX_TRACE_LINES
    assert "Traceback (most recent call last)" in lines[0]
    assert "RecursionError" in lines[-1]
    assert "lines are left out" in lines[25]


@pytest.mark.parametrize("form", ["text", "json"])
def test_long_message_of_an_exception_is_cut(form: str) -> None:
    stream = configured(form=form)
    fail("x" * 1_000_000)
    assert len(stream.getvalue()) < 3000


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("info", 1)])
def test_errors_that_a_client_alone_causes_are_logged_at_debug_level_only(level: str, count: int) -> None:
    stream = StringIO()
    log.configure(level, "json", stream, client_errors=(ConnectionError,))
    for error in (ConnectionResetError(), OSError()):
        logging.getLogger("some").error("It failed", exc_info=error)
    assert stream.getvalue().count("\n") == count
