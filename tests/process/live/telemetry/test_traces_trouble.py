"""Failing receivers and invalid variables disturb no call."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.telemetry.otlp import Receiver

pytestmark = pytest.mark.process


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def check_served(router: Router) -> None:
    assert router.call("math", "add", a=1, b=2) == (200, {"result": 3})


def test_failing_receiver_disturbs_no_call(start: Start) -> None:
    with Receiver(status=400) as receiver:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "10"}
        router = start(LOG_FORMAT="json", **endpoint).await_table()
        check_served(router)
        receiver.await_asked()
        check_served(router)
        assert router.end() < 5
    assert {event["level"] for event in router.events()} == {"info", "error"}
    assert [event for event in router.events() if "Traceback" in json.dumps(event)] == []


def test_missing_receiver_disturbs_no_call(start: Start) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "10"}
    router = start(LOG_FORMAT="json", **endpoint).await_table()
    for _ in range(3):
        check_served(router)
    assert router.end() < 6
    assert [event["outcome"] for event in router.events() if event["event"] == "call"] == ["ok"] * 3


@pytest.mark.parametrize("workers", ["1", "2"])
def test_hanging_receiver_delays_neither_calls_nor_shutdown(start: Start, workers: str) -> None:
    with Receiver(hangs=True) as receiver:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "10"}
        router = start(WORKERS=workers, **endpoint).await_workers(int(workers))
        check_served(router)
        receiver.await_asked()
        check_served(router)
        assert router.end() < 6


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "OTEL_TRACES_EXPORTER",
            "zipkin",
            "Trace exporter 'zipkin' unavailable: OTEL_TRACES_EXPORTER: expected otlp, console or none",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "Trace exporter 'otlp' unavailable: OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf",
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "-1",
            "Trace exporter 'otlp' unavailable: max_queue_size must be a positive integer",
        ),
    ],
)
def test_invalid_variable_is_reported_in_one_line_and_calls_are_served(
    start: Start, receiver: Receiver, variable: str, value: str, message: str
) -> None:
    router = start(**{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, variable: value}).await_table()
    check_served(router)
    router.end()
    (line,) = router.complaints()
    assert " warning " in line
    assert message in line
    assert receiver.calls() == []


def test_console_exporter_writes_spans_to_standard_output(start: Start) -> None:
    router = start(OTEL_TRACES_EXPORTER="console").await_table()
    check_served(router)
    router.end()
    assert '"name": "tools/call add_tool"' in router.printed()


def test_nothing_is_sent_while_traces_are_off(start: Start, receiver: Receiver) -> None:
    for off in ({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}):
        router = start(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **off).await_table()
        check_served(router)
        router.end()
    assert receiver.asked == 0
