"""Malicious clients of the WebSocket protocol: they get a close code, and cannot fill the memory."""

from __future__ import annotations

import asyncio
import logging
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Opcode

from process.websocket_protocol import PARSED_AT_ONCE
from routes.scope import FRAME_LIMIT
from tests.process.echoing import HANDSHAKE, MAX_SIZE, close_code, failure_code, frame, serving, write

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x83\x80\0\0\0\0", 1002),  # unknown opcode
        (b"\xc1\x80\0\0\0\0", 1002),  # reserved bit
        (b"\x81\x00", 1002),  # not masked
        (b"\x80\x80\0\0\0\0", 1002),  # continuation without a start
        (frame(Opcode.PING, b"x" * 126), 1002),
        (frame(Opcode.CLOSE, b"x"), 1002),
        (frame(Opcode.TEXT, b"\xff\xfe"), 1007),
        (frame(Opcode.TEXT, b"x" * (MAX_SIZE + 1)), 1009),
        (b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0", 1009),
    ],
)
async def test_protocol_error_closes_with_its_code(data: bytes, code: int, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server, server.connect() as client:
        write(client, data)
        assert await failure_code(client) == code
        await server.app.ended.wait()
        assert server.app.received == [code]
    assert "Traceback" not in caplog.text


async def test_close_code_arrives_while_the_client_is_still_sending() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x81\xff" + struct.pack("!Q", 30_000_000) + b"\0\0\0\0" + b"x" * 30_000_000)
        opcode, _, code = struct.unpack("!BBH", await reader.readexactly(4))
        assert (opcode, code) == (0x88, 1009)
        writer.close()


async def test_many_small_fragments_take_no_more_memory_than_their_message() -> None:
    async with serving() as server, server.connect() as client:
        first, middle = frame(Opcode.TEXT, b"a", fin=False), frame(Opcode.CONT, b"b", fin=False)
        empty, last = frame(Opcode.CONT, b"", fin=False), frame(Opcode.CONT, "ä".encode())
        write(client, first, *[middle] * 20_000, *[empty] * 20_000)
        while len(server.protocol.frames) == 0 or len(server.protocol.frames[0]) <= 20_000:
            await asyncio.sleep(0)
        assert len(server.protocol.frames) == 1
        write(client, last)
        assert await client.recv() == "20002"
        await client.send(b"binary")
        assert await client.recv() == "6"


async def test_fragments_together_are_limited_as_one_message() -> None:
    async with serving() as server, server.connect() as client:
        write(client, frame(Opcode.TEXT, b"x" * 60_000, fin=False), frame(Opcode.CONT, b"x" * 60_000))
        assert await failure_code(client) == 1009


async def test_frames_that_the_application_does_not_read_wait_as_bytes() -> None:
    async with serving() as server, server.connect() as client:
        server.app.reads.clear()
        write(client, *[frame(Opcode.TEXT, b"")] * 40_000)
        while not server.protocol._unread:
            await asyncio.sleep(0)
        assert server.protocol.queue.qsize() <= PARSED_AT_ONCE // 6 + 1
        server.app.reads.set()
        for _ in range(40_000):
            assert await client.recv() == "0"


async def test_application_can_lower_and_raise_the_frame_limit() -> None:
    async with serving() as server, server.connect() as client:
        await client.send("x")
        await client.recv()
        limit = FRAME_LIMIT.get(server.app.scope)
        assert limit is not None
        limit(10**9)  # not above `ws_max_size`
        await client.send("x" * MAX_SIZE)
        assert await client.recv() == str(MAX_SIZE)
        limit(10)
        await client.send("x" * 10)
        assert await client.recv() == "10"
        await client.send("x" * 11)
        assert await failure_code(client) == 1009


async def test_pings_are_answered_and_pongs_not_buffered_for_a_client_that_does_not_read() -> None:
    async with serving() as server, server.connect() as client:
        await (await client.ping())
        client.transport.pause_reading()
        protocol = server.protocol
        for _ in range(300):
            write(client, *[frame(Opcode.PING, b"x" * 125)] * 400)
            await asyncio.sleep(0)
            while client.transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
        assert protocol.transport.get_write_buffer_size() < 200_000
        client.transport.abort()


async def test_client_that_answers_no_ping_is_dropped_even_if_it_does_not_read() -> None:
    async with serving(ws_ping_interval=0.05, ws_ping_timeout=0.05) as server, server.connect() as client:
        client.transport.pause_reading()
        protocol = server.protocol
        protocol.close_timeout = 0.05
        while protocol.writable.is_set():
            protocol.transport.write(b"\x8a\x7d" + b"x" * 125)  # unsolicited pongs are valid
        await server.app.ended.wait()
        assert server.app.received == [1005]
        client.transport.abort()


async def test_client_that_does_not_close_is_dropped_after_the_close_timeout() -> None:
    async with serving() as server, server.connect() as client:
        protocol = server.protocol
        protocol.close_timeout = 0.05
        client.transport.pause_reading()
        await protocol.send({"type": "websocket.close", "code": 1001, "reason": ""})
        while not protocol.disconnected:
            await asyncio.sleep(0.01)
        client.transport.abort()


async def test_shutdown_is_left_to_the_application() -> None:
    async with serving() as server, server.connect() as client:
        server.protocol.shutdown()
        await client.send("still here")
        assert await client.recv() == "10"
        await server.protocol.send({"type": "websocket.close", "code": 1001, "reason": "bye"})
        assert await close_code(client) == 1001
        assert client.close_reason == "bye"


async def test_headers_and_frames_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "uvicorn")
    async with serving() as server:
        uri = f"ws://127.0.0.1:{server.port}"
        async with connect(uri, additional_headers={"Authorization": "Bearer hidden"}, compression=None) as client:
            await client.send('{"id": 1, "token": "hidden"}')
            await client.recv()
    assert "hidden" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("uvicorn"))
