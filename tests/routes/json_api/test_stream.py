"""Calls that are answered with a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from tests.conftest import MakeApp, server_of
from tests.events import STREAM, Event, all_events
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Pair(BaseModel):
    a: int
    b: int


async def steps(count: int, ctx: Context[Any, Any]) -> str:
    for step in range(count):
        await ctx.report_progress(step + 1, count, f"step\n{step + 1}\r\n")
    await ctx.log("info", {"done": "a\nb"}, logger_name="steps")
    return "over\nand out"


async def pair(a: int) -> Pair:
    return Pair(a=a, b=a)


async def refuse(reason: str) -> str:
    raise ToolError(reason)


async def crash(secret: str) -> str:
    raise RuntimeError(secret)


async def wait() -> None:
    await anyio.sleep_forever()


async def asks(ctx: Context[Any, Any]) -> str:
    return (await ctx.elicit("How big?", Pair)).action


@pytest.fixture
async def client(make_app: MakeApp) -> AsyncIterator[httpx2.AsyncClient]:
    app = make_app(server_of(steps, pair, refuse, crash, wait, asks), call_timeout=5)
    async with opened(app) as client:
        with anyio.fail_after(10):
            yield client


async def streamed(client: httpx2.AsyncClient, tool: str, **arguments: Any) -> list[Event]:
    answer = await client.post("/one/mcp/call", json={"tool": tool, "arguments": arguments}, headers=STREAM)
    return await all_events(answer)


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.slow
async def test_progress_and_log_events_precede_the_result(client: httpx2.AsyncClient) -> None:
    assert await streamed(client, "steps", count=2) == [
        Event("progress", {"progress": 1, "total": 2, "message": "step\n1\r\n"}),
        Event("progress", {"progress": 2, "total": 2, "message": "step\n2\r\n"}),
        Event("log", {"level": "info", "logger": "steps", "data": {"done": "a\nb"}}),
        Event("result", {"result": "over\nand out"}),
    ]


@pytest.mark.slow
async def test_headers_disable_caching_and_proxy_buffering(client: httpx2.AsyncClient) -> None:
    body = {"tool": "pair", "arguments": {"a": 1}}
    answer = await client.post("/call", json=body, headers={**STREAM, "x-request-id": "streamed"})
    assert answer.status_code == 200
    told = {name: answer.headers[name] for name in ("content-type", "cache-control", "x-accel-buffering")}
    assert told == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }
    assert answer.headers["x-request-id"] == "streamed"


@pytest.mark.parametrize(
    ("url", "body", "result"),
    [
        ("/one/mcp/call", {"tool": "pair", "arguments": {"a": 1}}, {"result": {"a": 1, "b": 1}}),
        ("/call", {"tool": "one_pair", "arguments": {"a": 1}}, {"result": {"a": 1, "b": 1}}),
        ("/one/mcp/tools/pair", {"a": 1}, {"a": 1, "b": 1}),
    ],
)
@pytest.mark.slow
async def test_result_event_has_the_shape_of_its_url(
    client: httpx2.AsyncClient, url: str, body: dict[str, Any], result: Any
) -> None:
    assert await all_events(await client.post(url, json=body, headers=STREAM)) == [Event("result", result)]


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("TEXT/Event-Stream ; q=0.5", True),
        ("text/html, text/event-stream", True),
        ("text/event-stream, */*;q=0.1", True),
        ("application/json, text/event-stream", False),
        ("text/event-stream, application/problem+json", False),
        ("text/event-stream;q=0, */*", False),
        ("text/event-streams, */*", False),
        ("*/*", False),
    ],
)
@pytest.mark.slow
async def test_stream_is_sent_if_the_client_accepts_events_but_not_json(
    client: httpx2.AsyncClient, accept: str, is_stream: bool
) -> None:
    answer = await client.post("/call", json={"tool": "pair", "arguments": {"a": 1}}, headers={"accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream") == is_stream


async def test_event_stream_with_quality_zero_is_406(client: httpx2.AsyncClient) -> None:
    headers = {"accept": "text/event-stream;q=0.0"}
    assert (await client.post("/call", json={"tool": "pair"}, headers=headers)).status_code == 406


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/one/mcp/call", "[]", 400),
        ("/one/mcp/call", "{}", 400),
        ("/two/mcp/call", '{"tool": "pair"}', 404),
    ],
)
async def test_malformed_request_or_unknown_server_is_a_plain_http_error(
    client: httpx2.AsyncClient, url: str, body: str, status: int
) -> None:
    answer = await client.post(url, content=body, headers={**STREAM, "content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("tool", "arguments", "slug", "status"),
    [
        ("nothing", {}, "unknown-tool", 404),
        ("pair", {"a": "x"}, "invalid-arguments", 422),
        ("refuse", {"reason": "no\nway"}, "tool-error", 422),
        ("crash", {"secret": "hidden"}, "tool-crashed", 500),
    ],
)
async def test_failed_call_is_one_error_event(
    client: httpx2.AsyncClient, tool: str, arguments: dict[str, Any], slug: str, status: int
) -> None:
    (error,) = await streamed(client, tool, **arguments)
    assert (error.name, error.data["type"], error.data["status"]) == ("error", f"urn:multi-mcp:error:{slug}", status)
    assert (error.data["server"], error.data["tool"]) == ("one", tool)
    assert "hidden" not in str(error)


async def test_call_of_an_unknown_target_is_one_error_event(client: httpx2.AsyncClient) -> None:
    for body, slug in [({"tool": "nothing"}, "unknown-tool"), ({"server": "two", "tool": "pair"}, "unknown-server")]:
        (error,) = await all_events(await client.post("/call", json=body, headers=STREAM))
        assert (error.name, error.data["type"]) == ("error", f"urn:multi-mcp:error:{slug}")


@pytest.mark.slow
async def test_event_of_a_refused_call_has_retry_after(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(wait), max_calls=1, call_timeout=1)) as client:
        body = {"tool": "wait"}
        async with client.stream("POST", "/call", json=body, headers=STREAM) as first:
            while (answer := await client.post("/call", json=body, headers=STREAM)).status_code != 200:
                await anyio.lowlevel.checkpoint()
            (error,) = await all_events(answer)
            assert (error.data["type"], error.data["retryAfter"]) == ("urn:multi-mcp:error:unavailable", 1)
            (error,) = await all_events(first)
            assert error.data["type"] == "urn:multi-mcp:error:timeout"


async def test_tool_that_asks_for_input_ends_the_stream_and_continues_in_another_call(
    client: httpx2.AsyncClient,
) -> None:
    (asked,) = await streamed(client, "asks")
    assert (asked.name, {*asked.data}) == ("input-required", {"inputRequests", "requestState"})
    ((key, _),) = asked.data["inputRequests"].items()
    more = {"requestState": asked.data["requestState"], "inputResponses": {key: {"action": "decline"}}}
    answer = await client.post("/call", json={"tool": "asks", **more}, headers=STREAM)
    assert await all_events(answer) == [Event("result", {"result": "decline"})]
