"""Entries whose file does not say that the server is of the transport of 2024."""

from __future__ import annotations

import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.sse.peer import sse_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("refuses", [400, 404, 405])
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_server_that_refuses_streamable_http_is_asked_for_the_transport_of_2024(
    serving: Serving, refuses: int, era: str
) -> None:
    async with sse_server() as server:
        server.refuses = refuses
        async with serving(one={"type": "http", "url": server.url, "era": era}) as http:
            assert (await post(http, "tool")).json() == {"result": "good"}


async def test_url_that_ends_with_sse_is_of_the_transport_of_2024(serving: Serving) -> None:
    async with sse_server() as server, serving(one={"url": server.url}) as http:
        assert (await post(http, "tool")).json() == {"result": "good"}
        assert [asked.method for asked in server.asked][:2] == ["GET", "POST"]
        assert server.named("server/discover") == []


@pytest.mark.parametrize(("refuses", "era"), [(401, "auto"), (500, "auto"), (405, "modern")])
async def test_nothing_is_concluded_from_other_answers(serving: Serving, refuses: int, era: str) -> None:
    async with sse_server() as server:
        server.refuses = refuses
        async with serving(one={"type": "http", "url": server.url, "era": era}) as http:
            await status(http, "failing")
        assert server.named("GET") == []


async def test_server_of_neither_transport_fails_with_its_answer_to_streamable_http(serving: Serving) -> None:
    async with sse_server() as server:
        server.refuses = 404
        server.opens = lambda asked: asked.answer(b"", 406) or False  # type: ignore[func-returns-value]
        async with serving(one={"type": "http", "url": server.url}) as http:
            assert "status 404" in (await status(http, "failing"))["reason"]
