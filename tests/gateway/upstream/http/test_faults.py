"""Answers that are cut, slow, broken or too long: a failure belongs to its own request."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


def number_of(asked: Asked) -> int:
    number: int = asked.message["params"]["arguments"]["n"]
    return number


@ERAS
@pytest.mark.slow
async def test_a_dropped_connection_fails_its_own_call_only(speaking: Any) -> None:
    waiting: list[Asked] = []

    async def answer(asked: Asked) -> None:
        if asked.rpc != "tools/call":
            asked.answer(b"", 202)
            return
        waiting.append(asked)
        if len(waiting) == 50:
            waiting[17].reset()
            for other in waiting:
                if other is not waiting[17]:
                    other.result({"n": number_of(other)})

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        answers = await asyncio.gather(*(call(link, n=n) for n in range(50)), return_exceptions=True)
        lost = number_of(waiting[17])
        assert [found for n, found in enumerate(answers) if n != lost] == [{"n": n} for n in range(50) if n != lost]
        failure = answers[lost]
        assert isinstance(failure, LinkFailure)
        assert failure.was_sent
        waiting.clear()


@ERAS
@pytest.mark.slow
async def test_nothing_is_executed_twice_wherever_the_connection_is_cut(speaking: Any) -> None:
    executed: Counter[int] = Counter()
    chance = random.Random(7)  # noqa: S311

    async def answer(asked: Asked) -> None:
        if asked.rpc != "tools/call":
            asked.answer(b"", 202)
            return
        executed[number_of(asked)] += 1
        body = asked.encoded(result={"content": [{"type": "text", "text": "x" * 300}]})
        whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        cut = chance.randrange(0, len(whole) + 200)
        asked.raw(whole[:cut])
        if cut < len(whole):
            await asked.writer.drain()
            chance.choice([asked.reset, asked.close])()

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:

        async def outcome(n: int) -> bool | None:
            try:
                await call(link, n=n)
            except LinkFailure as failure:
                return failure.was_sent
            return None

        outcomes = [await outcome(n) for n in range(100)]
        outcomes += await asyncio.gather(*(outcome(n) for n in range(100, 200)))
        assert {*outcomes} == {None, True}
        assert {*executed} == {*range(200)}
        assert {*executed.values()} == {1}


@ERAS
async def test_a_list_is_asked_for_again_when_the_connection_is_cut(speaking: Any) -> None:
    async def answer(asked: Asked) -> None:
        if len(peer.named("tools/list")) == 1:
            asked.reset()
        else:
            asked.result({"tools": []})

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        assert await link.request("tools/list", {}) == {"tools": []}
        assert len(peer.named("tools/list")) == 2


BROKEN = {
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "not JSON": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    "not JSON-RPC": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    "a list": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
    "another id": b'HTTP/1.1 200 OK\r\ncontent-length: 47\r\n\r\n{"jsonrpc": "2.0", "id": 99991, "result": {}}  ',
    "no answer": b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    "too long, and says so": b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n" + b" " * 99_999,
    "too long, in chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7000\r\n" + b" " * 0x7000,
    "an endless head": b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000,
    "endless interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "an endless event": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: " + b"x" * 200_000,
    "an event that is not JSON": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: hello\n\n",
    "a stream without an answer": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1\r\n\r\n\n",
}


@ERAS
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_fails_its_call_and_the_next_one_works(speaking: Any, broken: bytes) -> None:
    async def answer(asked: Asked) -> None:
        if asked.message["params"]["name"] == "good":
            asked.result(GOOD)
            return
        asked.raw(broken)

    async with serving(speaking(answer)) as peer, linked(peer.url, maxMessage=20_000) as link:
        with pytest.raises(LinkFailure) as failed:
            await call(link, "bad")
        assert failed.value.was_sent
        assert await call(link, "good") == GOOD
