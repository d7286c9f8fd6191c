"""The ends of requests: trailers, upgrades, bounds of the head, and requests that are not HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest

from process.http.framing import MAX_FIELDS, MAX_HEAD, MAX_PIPELINED, MAX_URL
from tests.process.http.serving import CHUNKED, Client, chunked, pieces, request, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

UPGRADES = [
    (b"Connection: upgrade", b"Upgrade: foo"),
    (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),  # Java, Ktor
    (b"Connection: keep-alive, upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),  # but by POST
    (b"Connection: upgrade", b"Upgrade: foo", b"Upgrade: websocket"),
]


async def send_slowly(client: Client, data: bytes, size: int) -> None:
    """Sends pieces, each of which arrives as its own packet, as far as the loop can tell."""
    for piece in pieces(data, size):
        await client.send(piece)
        await asyncio.sleep(0)


async def test_trailers_are_no_header_fields() -> None:
    forged = b"X-Forwarded-For: 198.51.100.1\r\nAuthorization: Bearer forged\r\nTrailer-Only: 1\r\n"
    body = chunked(b'{"a":', b"1}", trailers=forged)
    async with serving() as server, server.client() as client:
        for size in (1, 7, 10_000):
            data = request("/", CHUNKED, b"Trailer: X-Forwarded-For") + body + request("/next")
            await send_slowly(client, data, size)
            first, second = (await client.answer()).document, (await client.answer()).document
            assert first["size"] == 7
            names = {name for name, _ in [*first["headers"], *second["headers"]]}
            assert names == {"host", "transfer-encoding", "trailer"}
            assert second["path"] == "/next"


@pytest.mark.parametrize("fields", UPGRADES)
async def test_body_behind_an_upgrade_that_is_not_taken_is_a_body(fields: tuple[bytes, ...]) -> None:
    smuggled = request("/smuggled", method="GET") * 20
    known = request("/", *fields, body=smuggled * 2)
    unknown = request("/", *fields, CHUNKED) + chunked(smuggled, smuggled)
    following = request("/after", *fields, body=b"xy") + request("/last")
    async with serving() as server, server.client() as client:
        for data, size in [(each, size) for each in (known, unknown) for size in (3, 50, 200, 100_000)]:
            await send_slowly(client, data + following, size)
            found = [(await client.answer()).document for _ in range(3)]
            sizes = [(each["path"], each["size"]) for each in found]
            assert sizes == [("/", 2 * len(smuggled)), ("/after", 2), ("/last", 0)]
            assert "upgrade" not in [name for name, _ in found[0]["headers"]]
        assert {path for path, _ in server.app.seen} == {"/", "/after", "/last"}


async def test_upgrade_without_a_body_is_a_plain_request() -> None:
    async with serving() as server:
        for version in (b"1.0", b"1.1"):
            data = b"GET /x HTTP/" + version + b"\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
            assert (await server.ask(data)).document["path"] == "/x"


async def test_websocket_opens_also_with_frames_in_the_packet_of_its_handshake() -> None:
    fields = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    async with serving() as server, server.client() as client:
        await client.send(request("/", *fields, key, method="GET") + b"\x81\x82\0\0\0\0hi")
        assert (await client.answer()).status == 101
        assert await client.reader.readexactly(4) == b"\x81\x02hi"


async def test_websocket_does_not_overtake_the_answer_to_an_earlier_request() -> None:
    fields = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    async with serving() as server, server.client() as client:
        await client.send(request("/wait") + request("/socket", *fields, key, method="GET"))
        await server.app.waiting.wait()
        server.app.released.set()
        assert [(await client.answer()).document["path"] for _ in range(2)] == ["/wait", "/socket"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * MAX_URL + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"x" * 1_000_000, 414),
        (request("/", b"A: " + b"x" * MAX_HEAD), 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 1_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"x" * 1_000_000, 431),
        (b"GET / HTTP/1.1\r\nA:" + b" " * 1_000_000, 431),
        (request("/", *[b"A: 1"] * MAX_FIELDS), 431),
        (request("/", *[b"A: 1"] * 100_000), 431),
        (request("/", *[b"A%d: " % number + b"x" * 900 for number in range(90)]), 431),
        (request("/", b"Connection: upgrade", b"Upgrade: foo", *[b"A: " + b"x" * 900] * 90), 431),
        (request("/", CHUNKED) + b"1;x=" + b"x" * 1_000_000, 400),
        (request("/", CHUNKED) + b"0\r\nA: " + b"x" * 1_000_000, 400),
    ],
)
async def test_large_head_is_refused_with_a_problem_document(data: bytes, status: int) -> None:
    async with serving() as server:
        for size in (1_000, 60_000, 10_000_000):
            async with server.client() as client:
                for piece in pieces(data, size):
                    client.writer.write(piece)
                    await asyncio.sleep(0)
                answer = await client.answer()
                assert answer.status == status == answer.document["status"]
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["connection"] == "close"
                assert await client.is_closed()


async def test_head_within_its_bounds_is_served_in_any_pieces() -> None:
    data = request("/" + "x" * (MAX_URL - 1), *[b"A: " + b"x" * 500] * (MAX_FIELDS - 2), body=b"y" * 70_000)
    async with serving() as server:
        for size in (100, 63_000, 66_000, 1_000_000):
            async with server.client() as client:
                await send_slowly(client, data * 2, size)
                assert [(await client.answer()).document["size"] for _ in range(2)] == [70_000, 70_000]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"CONNECT /x HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"GET / HTTP/1.1\r\nA : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_gets_a_problem_document(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with serving() as server, server.client() as client:
        await client.send(data)
        answer = await client.answer()
        assert (answer.status, answer.document["type"]) == (400, "urn:multi-mcp:error:invalid-request")
        assert await client.is_closed()
        assert server.app.seen == []
    (line,) = [record for record in caplog.records if record.getMessage() == "refused"]
    assert line.__dict__["fields"]["address"] == "127.0.0.1"
    assert "Traceback" not in caplog.text


async def test_refusal_comes_after_the_answers_to_earlier_requests() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/wait") + request("/second") + b"garbage\r\n\r\n")
        await server.app.waiting.wait()
        server.app.released.set()
        assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await client.is_closed()


async def test_chunk_that_is_no_chunk_ends_its_request() -> None:
    data = request("/", CHUNKED) + b"1\r\nx\r\nnonsense\r\n"
    async with serving() as server:
        async with server.client() as client:
            await client.send(request("/first") + data)
            assert [(await client.answer()).status for _ in range(2)] == [200, 400]
            assert await client.is_closed()
        async with server.client() as client:
            await client.send(data)
            assert (await client.answer()).status == 400
            await server.app.disconnected.wait()
            assert await client.is_closed()


async def test_few_requests_may_wait_on_one_connection() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/wait") + request("/queued") * 5000)
        await server.app.waiting.wait()
        server.app.released.set()
        found = [await client.answer() for _ in range(MAX_PIPELINED + 2)]
        assert [answer.status for answer in found] == [200] * (MAX_PIPELINED + 1) + [503]
        assert await client.is_closed()


async def test_requests_in_one_packet_are_answered_in_their_order() -> None:
    async with serving() as server, server.client() as client:
        bodies = [json.dumps(number).encode() for number in range(MAX_PIPELINED)]
        await client.send(b"".join(request(f"/{number}", body=body) for number, body in enumerate(bodies)))
        found = [(await client.answer()).document["path"] for _ in bodies]
        assert found == [f"/{number}" for number in range(MAX_PIPELINED)]
