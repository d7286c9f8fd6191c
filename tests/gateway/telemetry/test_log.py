"""The log: one line for each event, as text or JSON, with the request id."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from io import StringIO

import pytest

from gateway.call import request_id
from gateway.telemetry import log
from tests.gateway.telemetry.logged import INJECTED, configured, uvicorn_error

pytestmark = pytest.mark.usefixtures("restored_log")


def test_text_line_has_its_time_level_and_request_id() -> None:
    stream = configured()
    request_id.set("abc")
    logging.getLogger("some").warning("Something is %s", "wrong")
    time, level, rest = stream.getvalue().split(maxsplit=2)
    assert (len(time), time[10], time[-1], level, rest) == (
        24,
        "T",
        "Z",
        "warning",
        "Something is wrong request_id=abc\n",
    )


def test_json_line_has_the_same_fields() -> None:
    stream = configured(form="json")
    request_id.set("abc")
    logging.getLogger("some").warning("Something is %s", "wrong")
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "event": "Something is wrong", "logger": "some", "request_id": "abc"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_untrusted_text_stays_in_its_line(form: str) -> None:
    stream = configured(form=form)
    logging.getLogger("some").warning("%s", INJECTED)
    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue().strip("\n").isprintable()
    if form == "json":
        assert json.loads(stream.getvalue())["event"] == INJECTED


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_events_below_the_level_are_omitted(level: str, count: int) -> None:
    stream = configured(level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("some").log(number, "event")
    assert len(stream.getvalue().splitlines()) == count


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 1)])
def test_details_of_libraries_are_logged_at_debug_level_only(level: str, count: int) -> None:
    stream = configured(level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger("mcp.server").log(number, "event")
    assert len(stream.getvalue().splitlines()) == count


def test_uvicorns_repetition_of_a_failed_start_is_omitted() -> None:
    stream = configured()
    uvicorn_error().error("Application startup failed. Exiting.")
    uvicorn_error().error("Something else")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_fields_of_an_event_cannot_forge_other_fields(form: str) -> None:
    stream = configured(form=form)
    fields = {"server": "math", "name": INJECTED, "blank": "a b=c", "nothing": None, "empty": "", "zero": 0}
    logging.getLogger("some").info("opened", extra={"fields": fields})
    line = stream.getvalue()
    assert len(line.splitlines()) == 1
    if form == "json":
        found = json.loads(line)
        assert {key: found.get(key) for key in fields} == fields | {"empty": None}
    else:
        assert line.split("opened ")[1].startswith('server=math name="first\\n')
        assert line.endswith(' blank="a b=c" zero=0 request_id=-\n')
        assert line.strip().isprintable()


@pytest.fixture
def uncaught_log(python_hooks: None) -> StringIO:
    stream = configured(form="json")
    log.log_uncaught()
    return stream


class Broken:
    def __del__(self) -> None:
        raise RuntimeError(INJECTED)


def test_unhandled_exceptions_are_logged(uncaught_log: StringIO) -> None:
    def crash() -> None:
        raise RuntimeError(INJECTED)

    thread = threading.Thread(target=crash)
    thread.start()
    thread.join()
    try:
        crash()
    except RuntimeError as exc:
        sys.excepthook(RuntimeError, exc, exc.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    Broken()
    lines = [json.loads(line) for line in uncaught_log.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["error"] * 3
    assert all(INJECTED in line["exception"] for line in lines)
    assert [line["event"] for line in lines[:2]] == ["Unhandled exception in thread", "Unhandled exception"]


def test_python_warnings_are_logged(uncaught_log: StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(INJECTED, stacklevel=1)
    (line,) = uncaught_log.getvalue().splitlines()
    assert json.loads(line)["level"] == "warning"
    assert json.loads(line)["logger"] == "py.warnings"


def test_configuring_again_does_not_double_the_lines() -> None:
    configured()
    stream = configured()
    logging.getLogger("some").warning("once")
    assert stream.getvalue().count("once") == 1
