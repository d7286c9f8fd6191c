"""Answers that come before the end of their request: the client receives them whatever it still sends."""

from __future__ import annotations

import asyncio

import pytest

from process.http.closing import KEPT_BODY
from tests.process.http.serving import CHUNKED, MIB, Client, chunked, request, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def send_all(client: Client, data: bytes) -> None:
    """Sends everything before it reads, as blocking clients do. The socket must stay open for it."""
    client.writer.write(data)
    await client.writer.drain()
    while client.writer.transport.get_write_buffer_size():
        await asyncio.sleep(0.001)


async def send_for_ever(client: Client, data: bytes) -> None:
    while True:
        await client.send(data)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("size", [KEPT_BODY + 1, MIB, 4 * MIB + 1, 30 * MIB])
async def test_client_receives_an_early_answer_after_it_has_sent_its_whole_body(size: int) -> None:
    body = b"x" * size
    async with serving() as server:
        for data in (request("/early", body=body), request("/early", CHUNKED) + chunked(body)):
            async with server.client() as client:
                await send_all(client, data)
                assert (await client.answer()).status == 401


async def test_early_answer_to_a_small_body_keeps_the_connection() -> None:
    async with serving() as server, server.client() as client:
        for size in (1, KEPT_BODY):
            data = request("/early", body=b"x" * size)
            await client.send(data[:-1])
            assert "connection" not in (await client.answer()).headers
            await client.send(data[-1:])
            await client.send(request("/next"))
            assert (await client.answer()).document["path"] == "/next"


async def test_large_body_that_is_read_keeps_the_connection() -> None:
    body = b"x" * MIB
    async with serving() as server, server.client() as client:
        for data in (request("/", body=body), request("/", CHUNKED) + chunked(body)):
            await client.send(data)
            answer = await client.answer()
            assert answer.document["size"] == MIB
            assert "connection" not in answer.headers


async def test_answer_instead_of_100_ends_the_connection_since_the_body_may_not_come() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/early", b"Expect: 100-continue", b"Content-Length: 5"))
        assert (await client.answer()).headers["connection"] == "close"
        await client.send(request("/next"))
        assert await client.is_closed()
        assert [path for path, _ in server.app.seen] == ["/early"]


async def test_client_that_expects_100_sends_its_body_after_it() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/", b"Expect: 100-continue", b"Content-Length: 5"))
        assert (await client.answer()).status == 100
        await client.send(b"12345")
        answer = await client.answer()
        assert answer.document["size"] == 5
        assert "connection" not in answer.headers


async def test_early_answer_to_a_large_body_says_that_the_connection_ends() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/early", b"Content-Length: %d" % (KEPT_BODY + 1)))
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.is_closed()


async def test_what_follows_an_early_answer_is_no_request() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/early", CHUNKED) + b"1\r\nx\r\n")
        assert (await client.answer()).status == 401
        await client.send(b"0\r\n\r\n" + request("/next"))
        assert await client.is_closed()
        assert [path for path, _ in server.app.seen] == ["/early"]


async def test_refused_client_may_not_send_for_ever() -> None:
    async with serving(max_body=1000) as server, server.client() as client:
        await client.send(request("/early", CHUNKED))
        assert (await client.answer()).status == 401
        with pytest.raises(ConnectionError):
            await send_for_ever(client, b"x" * MIB)


async def test_refused_client_that_neither_sends_nor_closes_is_closed() -> None:
    async with serving(linger_silence=0.05, head_timeout=0.05) as server, server.client() as client:
        await client.send(request("/early", CHUNKED))
        assert (await client.answer()).status == 401
        await server.closed()


async def test_refused_client_that_sends_a_little_again_and_again_is_closed() -> None:
    async with serving(linger_time=0.3, head_timeout=0.05) as server, server.client() as client:
        await client.send(request("/early", CHUNKED))
        assert (await client.answer()).status == 401
        with pytest.raises(ConnectionError):
            await send_for_ever(client, b"x")
        await server.closed()


async def test_connection_close_of_the_client_is_kept() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/", b"Connection: close", body=b"xy"))
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.is_closed()
