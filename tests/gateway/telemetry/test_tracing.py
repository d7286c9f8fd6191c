"""One span for each call on every transport, with the same attributes. tests/process/live has a real receiver."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from mcp.server.mcpserver import Context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

from gateway.telemetry.tracing import Tracing
from tests import wire
from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.gateway.telemetry.spans import Spans
from tests.matrix.target import Target
from tests.matrix.ways import VIA, WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


async def add(a: int, b: int) -> int:
    with trace.get_tracer("tool").start_as_current_span("inside"):
        return a + b


async def reporting(a: int, b: int, ctx: Context) -> int:
    """Takes `Context`, so that a JSON call of it runs in the SDK's session too."""
    await ctx.report_progress(1, 2)
    return await add(a, b)


TOOLS = (add, reporting)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> str | None:
    return f"00-{span.parent.trace_id:032x}-{span.parent.span_id:016x}-01" if span.parent is not None else None


@pytest.mark.parametrize("tool", ["add", "reporting"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
async def test_call_has_one_span_on_every_transport(make_app: MakeApp, spans: Spans, way: str, tool: str) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp")
    async with opened(app) as http:
        headers = {"traceparent": PARENT, "tracestate": "some=state", "x-request-id": "my-request"}
        outcome = await WAYS[way](Target(app, http), tool, {"a": 1, "b": 2}, headers)
    assert outcome.value == 3
    (span,) = spans.served()
    assert span.name == f"tools/call {tool}"
    expected = {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
        "multi_mcp.server": "one",
        "multi_mcp.via": VIA[way],
        "multi_mcp.outcome": "ok",
        "multi_mcp.request_id": "my-request-1" if "websocket" in way else "my-request",
    }
    assert attributes(span).items() >= expected.items()
    assert span.status.status_code is StatusCode.UNSET
    assert parent(span) == PARENT
    assert span.parent is not None
    assert span.parent.trace_state.get("some") == "state"
    (inner,) = spans.inner()
    assert inner.parent == span.context


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
async def test_call_without_a_parent_begins_a_new_trace(make_app: MakeApp, spans: Spans, way: str) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp")
    async with opened(app) as http:
        for headers in ({"traceparent": PARENT}, {}, {"traceparent": "nonsense"}, {"traceparent": ""}):
            await WAYS[way](Target(app, http), "add", {"a": 1, "b": 2}, headers)
    assert [parent(span) for span in spans.served()] == [PARENT, None, None, None]
    assert len({span.context.trace_id for span in spans.served() if span.context}) == 4


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_parent_in_meta_precedes_that_of_the_http_header(make_app: MakeApp, spans: Spans, url: str) -> None:
    async with opened(make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp")) as http:
        name = "one_add" if url == "/mcp" else "add"
        headers, body = wire.modern("tools/call", name=name, arguments={"a": 1, "b": 2})
        body["params"]["_meta"]["traceparent"] = PARENT
        assert (await http.post(url, json=body, headers={**headers, "traceparent": OTHER})).status_code == 200
    assert [parent(span) for span in spans.served()] == [PARENT]


@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_other_native_messages_have_the_span_of_the_sdk(
    make_app: MakeApp, spans: Spans, era: Era, server: str
) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp")
    async with opened(app) as http, connected(http, era, server) as mcp:
        await mcp.list_tools()
    assert [span.name for span in spans.served("tools/list")] == ["tools/list"]


async def test_json_calls_make_no_spans_while_traces_are_off(make_app: MakeApp, spans: Spans) -> None:
    app = make_app(server_of(*TOOLS))
    async with opened(app) as http:
        await post(http, "add", {"a": 1, "b": 2})
    assert spans.served() == []


class Flushed(SpanProcessor):
    """Notes that it was asked to flush, and waits for `may_finish`."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_finish = threading.Event()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.asked.set()
        return self.may_finish.wait(10)


async def test_existing_provider_is_used_and_flushed_at_shutdown(spans: Spans) -> None:
    processor = Flushed()
    processor.may_finish.set()
    spans.provider.add_span_processor(processor)
    async with Tracing(("otlp",)).opened():
        assert trace.get_tracer_provider() is spans.provider
        assert not processor.asked.is_set()
    assert processor.asked.is_set()


@pytest.mark.slow
async def test_hanging_receiver_does_not_delay_shutdown(spans: Spans) -> None:
    processor = Flushed()
    spans.provider.add_span_processor(processor)
    async with Tracing(("otlp",), flush=0.2).opened():
        pass
    assert processor.asked.wait(10)
    processor.may_finish.set()
