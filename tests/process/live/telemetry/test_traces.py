"""The spans that a receiver gets from a real process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import wire
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.telemetry.otlp import Receiver

pytestmark = pytest.mark.process

TRACE = "0af7651916cd43dd8448eb211c80319c"
JSON = {"content-type": "application/json"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def parent(number: int) -> str:
    return f"{number:016x}"


def traced(number: int) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{parent(number)}-01"}


def call_on_every_transport(router: Router) -> list[str]:
    """Makes a call on each transport, with the parents 1, 2, … and returns the transports in this order."""
    arguments = {"a": 1, "b": 2}
    waited = {"seconds": 0}
    plain = [
        ("call", "/math/mcp/call", {"tool": "add", "arguments": arguments}),
        ("call", "/call", {"tool": "math_add_tool", "arguments": arguments}),
        ("tool-url", "/slow/mcp/tools/wait_tool", waited),
    ]
    ways = []
    for number, (via, url, body) in enumerate(plain, 1):
        with router.sent("POST", url, JSON | traced(number), body) as answer:
            assert answer.status == 200
        ways.append(via)
    for number, url, name in ((4, "/math/mcp", "add_tool"), (5, "/mcp", "math_add_tool")):
        headers, message = wire.modern("tools/call", name=name, arguments=arguments)
        with router.sent("POST", url, headers | traced(number), message) as answer:
            assert b'"result":3' in answer.read()
    for number, url, name in ((6, "/math/mcp", "add_tool"), (7, "/mcp", "math_add_tool")):
        session = session_at(router, url)
        message = wire.request("tools/call", name=name, arguments=arguments)
        with router.sent("POST", url, wire.in_session(session) | traced(number), message) as answer:
            assert b'"result":3' in answer.read()
    headers, message = wire.modern("tools/call", name="add_tool", arguments=arguments)
    message["params"]["_meta"] |= traced(8)
    with router.sent("POST", "/math/mcp", headers | traced(99), message) as answer:
        assert b'"result":3' in answer.read()
    return [*ways, "mcp", "aggregate", "mcp", "aggregate", "mcp"]


def session_at(router: Router, url: str) -> str:
    with router.sent("POST", url, wire.BOTH_TYPES, wire.INITIALIZE) as answer:
        answer.read()
        session: str = answer.headers["mcp-session-id"]
    with router.sent("POST", url, wire.in_session(session), wire.INITIALIZED) as answer:
        assert answer.status == 202
    return session


def test_each_call_is_one_span_with_its_parent_on_every_transport(start: Start, receiver: Receiver) -> None:
    router = start(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_BSP_SCHEDULE_DELAY="100").await_table()
    ways = call_on_every_transport(router)
    router.end()
    found = {one.span.parent_span_id.hex(): one for one in receiver.calls()}
    assert len(receiver.calls()) == len(ways)
    assert [found[parent(number)].attributes["multi_mcp.via"] for number in range(1, 9)] == ways
    assert {one.span.trace_id.hex() for one in receiver.calls()} == {TRACE}
    assert {one.span.name for one in receiver.calls()} == {"tools/call add_tool", "tools/call wait_tool"}
    assert {one.scope for one in receiver.calls()} == {"multi-mcp", "mcp-python-sdk"}
    assert {one.attributes["multi_mcp.outcome"] for one in receiver.calls()} == {"ok"}
    assert {one.resource["service.name"] for one in receiver.calls()} == {"multi-mcp"}
    assert router.complaints() == []


def test_resource_and_sampler_follow_the_environment(start: Start, receiver: Receiver) -> None:
    router = start(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{receiver.url}/v1/traces",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="my-tools",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
        OTEL_TRACES_SAMPLER="parentbased_always_off",
    ).await_table()
    router.call("math", "add", a=1, b=2)
    with router.sent("POST", "/math/mcp/tools/add_tool", JSON | traced(1), {"a": 1, "b": 2}) as answer:
        assert answer.status == 200
    router.end()
    (only,) = receiver.calls()
    assert only.span.parent_span_id.hex() == parent(1)
    assert only.resource["service.name"] == "my-tools"
    assert only.resource["deployment.environment"] == "test"


def test_failed_calls_have_their_slug_and_no_secret(start: Start, receiver: Receiver) -> None:
    router = start(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, MCP_CALL_TIMEOUT="0.2").await_table()
    router.call("math", "add", a="a-secret", b=1)
    router.call("slow", "crash", message="a-secret")
    router.call("slow", "wait", seconds=60)
    router.call("math", "nothing", a="a-secret")
    router.end()
    assert [(one.span.name, one.span.status.message) for one in receiver.calls()] == [
        ("tools/call add_tool", "invalid-arguments"),
        ("tools/call crash_tool", "tool-crashed"),
        ("tools/call wait_tool", "timeout"),
        ("tools/call", "unknown-tool"),
    ]
    assert {one.span.status.code for one in receiver.calls()} == {2}
    assert "a-secret" not in str([one.span for one in receiver.calls()])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_last_spans_are_sent_at_shutdown(start: Start, receiver: Receiver, workers: str) -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    router = start(WORKERS=workers, **settings).await_workers(int(workers))
    for _ in range(20):
        router.call("math", "add", a=1, b=2)
    assert receiver.calls() == []
    assert router.end() < 5
    assert len([one for one in receiver.calls() if one.span.name == "tools/call add_tool"]) == 20
