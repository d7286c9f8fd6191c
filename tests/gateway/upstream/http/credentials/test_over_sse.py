"""Tokens for an upstream of the transport of 2024, on the streams and on the messages of its sessions."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.clients import connected, post
from tests.gateway.upstream.calls.asking import said
from tests.gateway.upstream.http.credentials.authority import Authority, admitting, eventually
from tests.gateway.upstream.http.credentials.conftest import Served
from tests.gateway.upstream.http.credentials.test_token_exchange import exchanged, exchanging, settings
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.peer import SseServer, Stream, sse_server
from tests.keys import bearer

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def whoami(request: Asked, stream: Stream) -> None:
    request.answer(b"Accepted", 202, "text/plain")
    stream.result(request, request.headers["sub"])


def refusing(authority: Authority, revoked: set[str]) -> AbstractAsyncContextManager[SseServer]:
    """Serves a tool that says whose token its request has. Requests without one, or one of `revoked`, are refused."""
    return sse_server(whoami, behind=lambda answer: admitting(authority, answer, revoked))


def stream_of(server: SseServer, asked: Asked) -> Stream:
    return server.streams[asked.target.rpartition("=")[2]]


def messages(server: SseServer) -> list[Asked]:
    return [asked for asked in server.asked if asked.method == "POST"]


async def test_streams_and_messages_of_a_caller_have_its_own_token(authority: Authority, served: Served) -> None:
    tokens = {name: authority.issuer.token(sub=name) for name in ("ann", "bob")}
    async with (
        refusing(authority, set()) as server,
        served(server.entry(auth=exchanging(authority)), **settings(authority)) as http,
    ):

        async def call(name: str) -> None:
            answer = await http.post("/one/mcp/call", json={"tool": "tool"}, headers=bearer(tokens[name]))
            assert answer.json() == {"result": name}

        await asyncio.gather(*(call(name) for name in ["ann", "bob"] * 10))
        for era in ("legacy", "modern"):
            for name in ("ann", "bob"):
                http.headers.update(bearer(tokens[name]))
                async with connected(http, era) as client:
                    assert await said(client, "tool") == name
        streams = [stream.asked.headers["sub"] for stream in server.streams.values()]
        pings = len(streams)  # the server asks in each stream if the other side is there
        await eventually(lambda: sum(asked.message.get("id") == "first" for asked in messages(server)) == pings)

        assert streams[0] == "router"
        assert set(streams[1:]) == {"ann", "bob"}
        for asked in messages(server):
            assert asked.headers["sub"] == stream_of(server, asked).asked.headers["sub"]
        assert "router" not in {asked.headers["sub"] for asked in server.named("tools/call")}
        assert not any(token in str(asked.headers) for token in tokens.values() for asked in server.asked)
        assert sorted(exchanged(authority)) == ["ann", "bob"]


async def test_another_token_of_the_same_caller_is_used_on_its_open_stream(
    authority: Authority, served: Served
) -> None:
    async with (
        refusing(authority, set()) as server,
        served(server.entry(auth=exchanging(authority)), **settings(authority)) as http,
    ):
        for number in (1, 2):
            http.headers.update(bearer(authority.issuer.token(sub="ann", jti=str(number))))
            assert (await post(http, "tool")).json() == {"result": "ann"}
        first, second = server.named("tools/call")
        assert first.target == second.target
        assert first.headers["authorization"] != second.headers["authorization"]


async def test_a_token_that_is_refused_is_renewed_once_for_the_message(authority: Authority, served: Served) -> None:
    revoked: set[str] = set()
    async with (
        refusing(authority, revoked) as server,
        served(server.entry(auth=exchanging(authority)), **settings(authority)) as http,
    ):
        http.headers.update(bearer(authority.issuer.token(sub="ann")))
        for _ in range(2):
            assert (await post(http, "tool")).json() == {"result": "ann"}
            revoked.update(authority.given)
        assert exchanged(authority) == ["ann", "ann"]
        assert len(server.streams) == 2


async def test_a_stream_is_opened_with_a_new_token_if_the_kept_one_is_refused(
    authority: Authority, served: Served
) -> None:
    revoked: set[str] = set()
    async with (
        refusing(authority, revoked) as server,
        served(server.entry(auth=authority.auth), servers=()) as http,
    ):
        assert (await post(http, "tool")).json() == {"result": "router"}
        revoked.update(authority.given)
        for stream in server.streams.values():
            stream.asked.close()
        await eventually(lambda: len(server.streams) == 3)  # the router's own is opened again at once
        assert (await post(http, "tool")).json() == {"result": "router"}
        assert len(authority.given) == 2


async def test_a_caller_whose_token_is_not_exchanged_is_refused_and_opens_no_stream(
    authority: Authority, served: Served
) -> None:
    authority.refused.add("eve")
    async with (
        refusing(authority, set()) as server,
        served(server.entry(auth=exchanging(authority)), **settings(authority)) as http,
    ):
        http.headers.update(bearer(authority.issuer.token(sub="eve")))
        refused = await post(http, "tool")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:multi-mcp:error:forbidden")
        assert len(server.streams) == 1
        http.headers.update(bearer(authority.issuer.token(sub="ann")))
        assert (await post(http, "tool")).json() == {"result": "ann"}


async def test_both_transports_of_an_entry_share_one_token(authority: Authority, served: Served) -> None:
    async with refusing(authority, set()) as server:
        entry: dict[str, Any] = server.entry(type="http", auth=authority.auth)
        async with served(entry, servers=()) as http:
            assert (await post(http, "tool")).json() == {"result": "router"}
            assert len(authority.given) == 1
