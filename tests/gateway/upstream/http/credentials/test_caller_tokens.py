"""The tokens of callers, kept side by side."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from gateway import caller
from gateway.errors import LoadError
from gateway.upstream.http.credentials.caller_tokens import MAX_TOKENS, CallerTokens
from gateway.upstream.http.credentials.token import Grant
from tests.clients import post
from tests.gateway.auth.issuer import AUDIENCE
from tests.gateway.upstream.http.credentials.authority import Authority, admitting
from tests.gateway.upstream.http.credentials.conftest import Served, whoami
from tests.gateway.upstream.http.peer import Asked, legacy, modern, serving
from tests.keys import bearer

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_the_tokens_of_callers_are_bounded_and_the_least_used_one_is_exchanged_again() -> None:
    asked: list[str] = []

    async def exchange(token: str) -> Grant:
        asked.append(token)
        return Grant(f"for-{token}", 3600)

    async def line(token: str) -> bytes:
        caller.subject.set(caller.Subject(token))
        return await tokens.of_caller().line()

    tokens = CallerTokens(exchange)
    for number in range(MAX_TOKENS):
        await line(str(number))
    assert await line("0") == b"authorization: Bearer for-0\r\n"
    await line("new")
    await line("0")
    assert len(asked) == MAX_TOKENS + 1
    await line("1")
    assert asked[-1] == "1"
    caller.subject.set(None)


async def test_a_caller_who_leaves_does_not_end_the_exchange_that_others_wait_for() -> None:
    gate, asked = asyncio.Event(), 0

    async def exchange(token: str) -> Grant:
        nonlocal asked
        asked += 1
        await gate.wait()
        return Grant("good", 3600)

    tokens = CallerTokens(exchange)

    async def line() -> bytes:
        caller.subject.set(held := caller.Subject("token"))
        try:
            return await tokens.of_caller().line()
        finally:
            held.token = None

    first, second = asyncio.create_task(line()), asyncio.create_task(line())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    gate.set()
    assert (await second, asked) == (b"authorization: Bearer good\r\n", 1)


@pytest.mark.slow
async def test_an_entry_that_exchanges_needs_an_issuer(authority: Authority, served: Served) -> None:
    with pytest.raises(LoadError, match="MCP_AUTH_ISSUER is not set, which `auth` of server 'one'"):
        async with served({"url": "http://127.0.0.1/mcp", "auth": authority.auth | {"type": "tokenExchange"}}):
            pass


def cached() -> int:
    return 1


@pytest.mark.slow
async def test_a_result_that_the_server_calls_public_is_cached_for_its_own_caller_alone(
    authority: Authority, served: Served
) -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "tools/list":
            meta = {"cache": {"ttl": 60, "scope": "public"}}
            asked.result({"tools": [{"name": "whoami", "inputSchema": {"type": "object"}, "_meta": meta}]})
        else:
            await whoami(asked)

    local = MCPServer[Any]("local")  # one of its tools turns the cache on
    local.tool(meta={"cache": {"ttl": 60}})(cached)
    auth = {"auth_issuer": authority.issuer.url, "auth_audience": AUDIENCE}
    async with (
        serving(admitting(authority, modern(answer), set())) as peer,
        served({"url": peer.url, "auth": authority.auth | {"type": "tokenExchange"}}, local, **auth) as http,
    ):
        for name in ("ann", "bob", "ann"):
            http.headers.update(bearer(authority.issuer.token(sub=name)))
            assert (await post(http, "whoami")).json()["result"]["sub"] == name
        assert len(peer.named("tools/call")) == 2


@pytest.mark.slow
async def test_nothing_of_the_callers_token_is_left_when_its_request_is_over(
    authority: Authority, served: Served
) -> None:
    auth = {"auth_issuer": authority.issuer.url, "auth_audience": AUDIENCE}
    async with (
        serving(admitting(authority, legacy(whoami), set())) as peer,
        served({"url": peer.url, "auth": authority.auth | {"type": "tokenExchange"}}, **auth) as http,
    ):
        token = authority.issuer.token(sub="ann")
        answer = await http.post("/one/mcp/call", json={"tool": "whoami"}, headers=bearer(token))
        assert answer.status_code == 200
        held = [found for found in gc.get_objects() if type(found) is caller.Subject]
        assert [found.token for found in held if found.token is not None] == []
