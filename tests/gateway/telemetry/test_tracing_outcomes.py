"""The span of a call that fails, and the secrets that no span has."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from tests.clients import ERAS, answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.gateway.telemetry.spans import Spans
from tests.matrix.target import Target
from tests.matrix.ways import PLAIN, WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


async def add(a: int, b: int) -> int:
    return a + b


async def no() -> str:
    raise ToolError("SECRET")


async def crash() -> str:
    raise RuntimeError("SECRET")


async def wait() -> str:
    await anyio.sleep_forever()
    return "never"


async def asks(ctx: Context) -> str:
    return (await ctx.elicit_url("Log in", "https://example.com", "1")).action


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


TOOLS = (add, no, crash, wait)
FAILURES = [
    ("add", {"a": "SECRET"}, "invalid-arguments"),
    ("no", {}, "tool-error"),
    ("crash", {}, "tool-crashed"),
    ("wait", {}, "timeout"),
    ("nothing", {}, "unknown-tool"),
]
# GraphQL refuses a value of another type before there is a call.
FAILURES_OF_WAYS = [
    (way, *failure) for way in WAYS for failure in FAILURES if (way, failure[2]) != ("graphql", "invalid-arguments")
]


@pytest.mark.parametrize(("way", "tool", "arguments", "outcome"), FAILURES_OF_WAYS)
@pytest.mark.slow
async def test_failed_call_has_the_outcome_of_the_log(
    make_app: MakeApp, spans: Spans, way: str, tool: str, arguments: dict[str, Any], outcome: str
) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp", call_timeout=0.05)
    async with opened(app) as http:
        await WAYS[way](Target(app, http), tool, arguments, {})
    (span,) = spans.served()
    assert attributes(span)["multi_mcp.outcome"] == outcome
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"]
    if way in PLAIN:
        assert span.status.description == outcome
        assert attributes(span)["error.type"] == ("tool_error" if outcome == "tool-error" else outcome)
    assert span.name == ("tools/call" if tool == "nothing" else f"tools/call {tool}")
    assert "SECRET" not in span.to_json()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
async def test_call_refused_by_an_interceptor_has_its_span(make_app: MakeApp, spans: Spans, way: str) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, traces_exporter="otlp", max_calls=1, call_timeout=5)
    async with opened(app) as http:
        first = asyncio.create_task(post(http, "wait"))
        target = Target(app, http)
        while (await WAYS[way](target, "add", {"a": 1, "b": 2}, {})).slug == "ok":
            await asyncio.sleep(0)
        first.cancel()
    refused = [span for span in spans.served() if attributes(span)["multi_mcp.outcome"] == "unavailable"]
    assert [span.status.status_code for span in refused] == [StatusCode.ERROR]


@pytest.mark.slow
async def test_made_up_names_are_cut_and_are_no_span_names(make_app: MakeApp, spans: Spans) -> None:
    long = "x" * 100_000
    async with opened(make_app(server_of(*TOOLS), traces_exporter="otlp")) as http:
        await post(http, long)
        for era in ERAS:
            async with connected(http, era) as mcp:
                await answered(mcp, long)
            async with connected(http, era, "") as mcp:
                await answered(mcp, long)
    assert len(spans.served()) == 5
    assert max(len(span.name) for span in spans.served()) <= 128
    assert {span.name for span in spans.served()[:2]} == {"tools/call"}
    assert len(attributes(spans.served()[0])["gen_ai.tool.name"]) == 128


@pytest.mark.slow
async def test_no_span_has_arguments_or_results(make_app: MakeApp, spans: Spans) -> None:
    async def echo(text: str) -> str:
        return text

    app = make_app(server_of(echo), graphql=GRAPHQL, traces_exporter="otlp", log_arguments=True)
    async with opened(app) as http:
        for way in WAYS.values():
            assert (await way(Target(app, http), "echo", {"text": "SECRET"}, {})).value == "SECRET"
    assert len(spans.served()) == len(WAYS)
    assert "SECRET" not in json.dumps([span.to_json() for span in spans.served()])


async def test_call_that_asks_for_input_has_one_span_for_each_request(make_app: MakeApp, spans: Spans) -> None:
    async with opened(make_app(server_of(asks), traces_exporter="otlp")) as http:
        asked = (await post(http, "asks")).json()
        (key,) = asked["inputRequests"]
        body = {"tool": "asks", "requestState": asked["requestState"], "inputResponses": {key: {"action": "decline"}}}
        assert (await http.post("/one/mcp/call", json=body)).json() == {"result": "decline"}
    assert [attributes(span)["multi_mcp.outcome"] for span in spans.served()] == ["input-required", "ok"]
    assert {span.status.status_code for span in spans.served()} == {StatusCode.UNSET}
