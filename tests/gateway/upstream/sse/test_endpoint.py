"""The URL that a server names for POSTs: found in each form, within the origin, and never in a log."""

from __future__ import annotations

import logging

import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.peer import Stream, sse_server

pytestmark = pytest.mark.anyio
GOOD = {"result": "good"}


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("/messages?session={}", "/messages?session=secret-1"),
        ("messages/?session={}", "/messages/?session=secret-1"),
        ("?session={}", "/sse?session=secret-1"),
        ("{origin}/there?session={}", "/there?session=secret-1"),
        (" /spaces?session={} ", "/spaces?session=secret-1"),
    ],
)
async def test_endpoint_may_have_each_form_of_a_url(serving: Serving, endpoint: str, target: str) -> None:
    async with sse_server(endpoint=endpoint) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        assert server.named("initialize")[0].target == target


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
async def test_stream_may_have_any_line_break_comments_and_noise(serving: Serving, line: bytes) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        for noise in (b": keep-alive", b"event: ping" + line + b"data: now", b"data: {", b"data: []", b"data: {}"):
            stream.asked.chunk(noise + line + line)
        stream.event("endpoint", "http://elsewhere.example/")
        stream.result(request)

    async with sse_server(call, line=line) as server, serving(one=server.entry()) as http:
        for _ in range(2):
            assert (await post(http, "tool")).json() == GOOD


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://elsewhere.example/?session={}", "its endpoint is at http://elsewhere.example, another origin than"),
        ("//elsewhere.example/?session={}", "its endpoint is at http://elsewhere.example, another origin than"),
        ("http://127.0.0.1:1/?session={}", "its endpoint is at http://127.0.0.1:1, another origin than"),
        ("ftp://127.0.0.1/?session={}", "its endpoint is not a URL"),
        ("http://user:{}@127.0.0.1/", "its endpoint is not a URL"),
        ("/a b?{}", "its endpoint is not a URL"),
        ("/" + "a" * 9000 + "?{}", "its endpoint is longer than 8192 bytes"),
    ],
)
async def test_endpoint_elsewhere_is_refused_with_the_reason(
    serving: Serving, endpoint: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        sse_server(endpoint=endpoint) as server,
        serving(one=server.entry(headers={"Authorization": "Bearer key"})) as http,
    ):
        assert reason in (await status(http, "failing"))["reason"]
        assert (await post(http, "tool")).status_code == 503
        assert server.named("initialize") == []
    assert "secret-" not in caplog.text


@pytest.mark.slow
async def test_stream_without_an_endpoint_is_given_up_after_the_start_timeout(serving: Serving) -> None:
    async with sse_server() as server:
        server.opens = lambda asked: asked.stream() or False  # type: ignore[func-returns-value]
        async with serving(one=server.entry(startTimeout=0.2)) as http:
            assert "within 0.2 seconds" in (await status(http, "failing"))["reason"]


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (405, b"", "it answers with status 405"),
        (401, b"", "unauthorized (status 401)"),
        (200, b"{}", "it answers with no stream"),
    ],
)
async def test_answer_that_is_no_stream_is_the_reason_of_the_failure(
    serving: Serving, code: int, body: bytes, reason: str
) -> None:
    async with sse_server() as server:
        server.opens = lambda asked: asked.answer(body, code) or False  # type: ignore[func-returns-value]
        async with serving(one=server.entry()) as http:
            assert reason in (await status(http, "failing"))["reason"]


async def test_name_of_a_session_is_in_no_log_and_no_answer(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"no", 500)

    caplog.set_level(logging.DEBUG)
    async with sse_server(call) as server, serving(one=server.entry()) as http:
        answer = await post(http, "tool")
        assert answer.json()["outcome"] == "unknown"
        health = await http.get("/one/mcp/health")
    assert server.named("initialize")[0].target == "/messages?session=secret-1"
    assert "secret-" not in answer.text + health.text + caplog.text
