"""Deadlines of requests, answers and connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.process.http.serving import CHUNKED, MIB, WEBSOCKET, opened, request, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

SOON = 0.1


async def test_silent_connection_is_closed() -> None:
    async with serving(head_timeout=SOON) as server, server.client() as client:
        assert await client.is_closed()


async def test_incomplete_head_gets_408_even_if_it_grows() -> None:
    async with serving(head_timeout=SOON) as server, server.client() as client:

        async def send_slowly() -> None:
            await client.send(b"GET / HTTP/1.1\r\n")
            for number in range(10_000):
                client.writer.write(b"A%d: 1\r\n" % number)
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(send_slowly())
        answer = await client.answer()
        sending.cancel()
        assert (answer.status, answer.document["type"]) == (408, "urn:multi-mcp:error:request-timeout")


async def test_incomplete_head_of_a_second_request_gets_408() -> None:
    async with serving(head_timeout=SOON) as server, server.client() as client:
        await client.send(request("/first") + b"GET / HT")
        assert [(await client.answer()).status for _ in range(2)] == [200, 408]


@pytest.mark.parametrize("data", [request("/", b"Content-Length: 9") + b"x", request("/", CHUNKED) + b"5\r\nx"])
async def test_body_without_progress_gets_408(data: bytes) -> None:
    async with serving(body_timeout=SOON) as server, server.client() as client:
        await client.send(data)
        assert (await client.answer()).status == 408
        await server.app.disconnected.wait()
        assert await client.is_closed()


async def test_slow_body_that_makes_progress_is_read() -> None:
    async with serving(body_timeout=4 * SOON) as server, server.client() as client:
        await client.send(request("/", b"Content-Length: 20"))
        for _ in range(20):
            await client.send(b"x")
            await asyncio.sleep(SOON)
        assert (await client.answer()).document["size"] == 20


async def test_connection_stays_open_for_the_next_request_and_not_for_ever() -> None:
    async with serving(keep_alive=5 * SOON, head_timeout=SOON) as server, server.client() as client:
        for _ in range(3):
            await client.send(request("/"))
            assert (await client.answer()).status == 200
            await asyncio.sleep(2 * SOON)
        assert await client.is_closed()


async def test_no_deadline_cuts_a_long_call_a_stream_or_a_websocket() -> None:
    soon = {"head_timeout": SOON, "body_timeout": SOON, "keep_alive": SOON, "write_timeout": SOON}
    async with serving(**soon) as server, AsyncExitStack() as stack:
        call, stream, socket = await opened(stack, server, 3)
        await call.send(request("/wait", body=b"x"))
        await stream.send(request("/stream", body=b"x"))
        await socket.send(request("/", *WEBSOCKET, method="GET"))
        await socket.answer()
        await asyncio.sleep(6 * SOON)
        server.app.released.set()
        assert (await call.answer()).status == 200
        assert await stream.reader.readuntil(b"two\n")
        await socket.send(b"\x81\x82\0\0\0\0hi")
        assert await socket.reader.readexactly(4) == b"\x81\x02hi"


async def test_answer_that_nobody_reads_is_dropped() -> None:
    async with serving(write_timeout=4 * SOON) as server, server.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(request("/large"))
        while not server.state.connections:
            await asyncio.sleep(0)
        await server.closed()


async def test_answer_that_is_read_slowly_arrives() -> None:
    async with serving(write_timeout=4 * SOON) as server, server.client() as client:
        transport = client.writer.transport
        await client.send(request("/large", b"Connection: close"))
        size = 0
        while size < 16 * MIB:
            transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(SOON)
            transport.resume_reading()  # type: ignore[attr-defined]
            size += len(await client.reader.readexactly(min(MIB, 16 * MIB - size)))
