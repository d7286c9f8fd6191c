"""The bounds of connections and of bytes in arrival: of all, and of one address."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from ipaddress import ip_network

import pytest

from tests.process.http.serving import CHUNKED, MIB, WEBSOCKET, Serving, chunked, opened, request, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def answered(server: Serving) -> bool:
    """Asks until there is room."""
    while (status := (await server.ask(request("/"))).status) == 503:
        await asyncio.sleep(0.01)
    return status == 200


async def test_oldest_connection_without_a_request_goes_first() -> None:
    async with serving(max_connections=3) as server, AsyncExitStack() as stack:
        busy, old, partial = await opened(stack, server, 3)
        await busy.send(request("/wait"))
        await server.app.waiting.wait()
        await partial.send(b"GET / HTTP")
        (new,) = [await stack.enter_async_context(server.client())]
        await new.send(request("/"))
        assert (await new.answer()).status == 200
        assert await old.is_closed()
        newest = await stack.enter_async_context(server.client())
        await newest.send(request("/"))
        assert (await newest.answer()).status == 200
        assert await partial.is_closed()
        server.app.released.set()
        assert (await busy.answer()).status == 200


async def test_new_connection_gets_503_if_all_have_a_request() -> None:
    async with serving(max_connections=2) as server, AsyncExitStack() as stack:
        call, socket = await opened(stack, server, 2)
        await socket.send(request("/", *WEBSOCKET, method="GET"))
        await socket.answer()
        await call.send(request("/wait"))
        await server.app.waiting.wait()
        async with server.client() as third:
            await third.send(request("/", body=b"x" * MIB))
            answer = await third.answer()
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.document["type"] == "urn:multi-mcp:error:unavailable"
            assert await third.is_closed()
        server.app.released.set()
        assert (await call.answer()).status == 200
        assert await answered(server)  # in the place of the idle one


async def test_closed_websocket_gives_its_place_back() -> None:
    async with serving(max_connections=1, head_timeout=0.1) as server:
        async with server.client() as socket:
            await socket.send(request("/", *WEBSOCKET, method="GET"))
            await socket.answer()
            assert (await server.ask(request("/"))).status == 503
        assert await answered(server)


async def test_one_address_has_only_its_share() -> None:
    async with serving(max_connections=100, max_connections_per_address=2) as server, AsyncExitStack() as stack:
        other = await stack.enter_async_context(server.client(source="127.0.0.2"))
        await other.send(request("/"))
        await other.answer()
        first, second = await opened(stack, server, 2, "127.0.0.3")
        await first.send(request("/"))
        await first.answer()
        third = await stack.enter_async_context(server.client(source="127.0.0.3"))
        await third.send(request("/"))
        assert (await third.answer()).status == 200
        assert await first.is_closed()
        for client in (other, second, third):
            await client.send(request("/again"))
            assert (await client.answer()).status == 200


async def test_trusted_proxy_has_no_share() -> None:
    trusted = (ip_network("127.0.0.1"),)
    async with (
        serving(max_connections=10, max_connections_per_address=1, trusted=trusted) as server,
        AsyncExitStack() as stack,
    ):
        for client in await opened(stack, server, 8):
            await client.send(request("/"))
            assert (await client.answer()).status == 200


async def test_bodies_in_arrival_are_bounded_together() -> None:
    limits = {"max_body": 100_000, "max_body_total": 1_000_000}
    async with serving(**limits) as server, AsyncExitStack() as stack:
        data, clients = request("/", b"Content-Length: 100000") + b"x" * 99_999, []
        for number in range(8):  # each address has a quarter, and more if the largest request needs it
            client = await stack.enter_async_context(server.client(source=f"127.0.0.{number + 10}"))
            await client.send(data)
            clients.append(client)
        while len(server.state.tasks) < 8:
            await asyncio.sleep(0)
        last = await stack.enter_async_context(server.client(source="127.0.0.30"))
        await last.send(request("/", CHUNKED) + b"%x\r\n" % 250_000 + b"x" * 249_999)
        answer = await last.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        for client in clients:
            await client.send(b"x")
            assert (await client.answer()).document["size"] == 100_000
        assert (await server.ask(request("/", CHUNKED) + chunked(b"x" * 200_000))).document["size"] == 200_000


async def test_one_address_may_fill_a_quarter_of_what_may_arrive() -> None:
    limits = {"max_body": 100_000, "max_body_total": 1_200_000}
    async with serving(**limits) as server, AsyncExitStack() as stack:
        data = request("/", b"Content-Length: 100000") + b"x" * 99_999
        first, second, third = await opened(stack, server, 3)
        for client in (first, second, third):
            await client.send(data)
        assert (await third.answer()).status == 503
        other = await stack.enter_async_context(server.client(source="127.0.0.9"))
        await other.send(data + b"x")
        assert (await other.answer()).status == 200
        for client in (first, second):
            await client.send(b"x")
            assert (await client.answer()).status == 200


async def test_bytes_of_a_client_that_leaves_count_no_longer() -> None:
    limits = {"max_body": 100_000, "max_body_total": 1}
    async with serving(**limits) as server:
        for _ in range(10):
            async with server.client() as client:
                await client.send(request("/", b"Content-Length: 200000") + b"x" * 199_999)
                while not server.state.tasks:
                    await asyncio.sleep(0)
            await server.closed()
        assert (await server.ask(request("/", body=b"x" * 200_000))).status == 200
