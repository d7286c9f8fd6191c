"""Token endpoints that answer with anything."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.upstream.http.credentials.token_endpoint import lifetime
from tests.clients import post
from tests.gateway.upstream.http.credentials.authority import Authority, admitting
from tests.gateway.upstream.http.credentials.conftest import Served, whoami
from tests.gateway.upstream.http.peer import Asked, modern, serving

pytestmark = pytest.mark.anyio
SECRET = "hunter2"
JSON = b"content-type: application/json\r\n"


def answer(body: bytes, status: int = 200, head: bytes = JSON) -> bytes:
    return b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b" % (status, head, len(body), body)


def token(**fields: Any) -> bytes:
    return answer(json.dumps({"access_token": "good", "token_type": "bearer", **fields}).encode())


@asynccontextmanager
async def endpoint(answered: bytes, asked: list[bytes]) -> AsyncIterator[str]:
    """Answers each request for a token with these bytes; never if there are none."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if answered:
            writer.write(answered)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def auth(url: str) -> dict[str, Any]:
    return {"type": "clientCredentials", "tokenUrl": url, "clientId": "router", "clientSecret": SECRET}


async def nobody(asked: Asked) -> None:
    raise AssertionError("the upstream was asked without a token")


LONG = b"x" * 70_000
ELSEWHERE = b"location: http://127.0.0.1:1/token\r\n"
HOSTILE = {
    "not HTTP": (b"secret\r\n\r\n", "its answer is not HTTP/1.1"),
    "closed": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "it closed the connection"),
    "a long body": (answer(b"[" + LONG), "its answer is longer than 65536 bytes"),
    "an endless head": (b"HTTP/1.1 200 OK\r\nx: " + LONG * 2, "the head of its answer is longer than"),
    "not JSON": (answer(b"secret"), "is not JSON"),
    "a list": (answer(b"[]"), "is not JSON"),
    "nested for ever": (answer(b"[" * 60_000), "is not JSON"),
    "a stream": (answer(b"data: {}\n\n", head=b"content-type: text/event-stream\r\n"), "is not JSON"),
    "an error": (answer(b'{"error": "invalid_client"}', 401), "answers with status 401 (invalid_client)"),
    "an error with text": (answer(b'{"error": "secret\\r\\n"}', 400), "answers with status 400"),
    "an error that is no text": (answer(b'{"error": ["secret"]}', 400), "answers with status 400"),
    "broken": (answer(b"secret", 500), "answers with status 500"),
    "created": (answer(b"{}", 201), "answers with status 201"),
    "a redirect within": (answer(b"", 307, b"location: /other\r\n"), "it redirects, which is not followed"),
    "a redirect elsewhere": (answer(b"", 308, ELSEWHERE), "it redirects to http://127.0.0.1:1, which is not followed"),
    "another method": (answer(b"", 302, ELSEWHERE), "it redirects"),
    "no token": (answer(b'{"token_type": "bearer"}'), "has no usable token"),
    "a token that is no text": (token(access_token=1), "has no usable token"),
    "an empty token": (token(access_token=""), "has no usable token"),
    "a token with lines": (token(access_token="secret\r\nX-Other: 1"), "has no usable token"),
    "a token with a break at its end": (token(access_token="secret\n"), "has no usable token"),
    "a token of other letters": (token(access_token="sécret"), "has no usable token"),
    "a long token": (token(access_token="x" * 17_000), "has no usable token"),
    "another kind": (token(token_type="mac"), "gives no bearer tokens"),
    "no kind": (token(token_type=None), "gives no bearer tokens"),
    "silence": (b"", "it did not start within 0.5 seconds"),
}


@pytest.mark.parametrize(("answered", "reason"), HOSTILE.values(), ids=HOSTILE)
async def test_an_answer_that_cannot_be_used_is_named_and_nothing_of_it_is_told(
    served: Served, caplog: pytest.LogCaptureFixture, answered: bytes, reason: str
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[bytes] = []
    async with endpoint(answered, asked) as url, serving(nobody) as peer:
        async with served({"url": peer.url, "auth": auth(url), "startTimeout": 0.5}) as http:
            refused = await post(http, "whoami")
            health = await http.get("/one/mcp/health")
            assert (refused.status_code, health.json()["status"]) == (503, "failing")
            assert reason in health.json()["reason"]
        assert len(asked) == 1
        for text in (refused.text, health.text, caplog.text):
            assert SECRET not in text
            assert "secret" not in text


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3600),
        (1.5, 1.5),
        ("3600", 3600),
        (0, 0),
        (-1, 0),
        (-1e308, 0),
        (10**400, 24 * 3600),
        (1e308, 24 * 3600),
        (math.inf, 24 * 3600),
        ("9" * 5000, 24 * 3600),
        (math.nan, 60),
        (None, 60),
        (True, 60),
        ("soon", 60),
        ("-1", 60),
        ("", 60),
        ("²", 60),
        ([3600], 60),
        ({}, 60),
    ],
)
def test_a_lifetime_may_be_anything(expires_in: Any, seconds: float) -> None:
    assert lifetime(expires_in) == seconds


@pytest.mark.parametrize("seconds", [-1, 0, "soon", 10**400, None])
@pytest.mark.slow
async def test_a_token_of_any_lifetime_serves_the_call_that_it_was_got_for(
    authority: Authority, served: Served, seconds: Any
) -> None:
    authority.seconds = seconds
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": authority.auth}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 200
        assert len(authority.given) <= 2


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://login.example/token", "auth: tokenUrl must begin with https://, or be on loopback"),
        ("ftp://127.0.0.1/token", "auth: tokenUrl is not a URL"),
        ("https://user:secret@login.example/token", "auth: tokenUrl is not a URL"),
        ("${URL_OF_TOKENS}", "auth.tokenUrl: the variable URL_OF_TOKENS is not set"),
    ],
)
async def test_an_endpoint_must_keep_secrets(served: Served, url: str, reason: str) -> None:
    async with serving(nobody) as peer, served({"url": peer.url, "auth": auth(url)}) as http:
        assert (await post(http, "whoami")).status_code == 503
        assert (await http.get("/one/mcp/health")).json()["reason"] == reason


@pytest.mark.slow
async def test_a_secret_may_be_sent_in_the_form(authority: Authority, served: Served) -> None:
    async with (
        serving(nobody) as peer,
        served({"url": peer.url, "auth": authority.auth | {"clientAuth": "post"}}) as http,
    ):
        await post(http, "whoami")
        assert authority.forms[0]["client_id"] == "router"
        assert authority.forms[0]["client_secret"] == "pass:word/1"
