"""The outlet for the answers of the application: what is written to the transport, and when."""

from __future__ import annotations

import asyncio

import pytest

from process.http.answer import JOINED, Outlet
from tests.process.http.serving import request, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Written(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))


@pytest.mark.parametrize(
    ("method", "writes", "pieces"),
    [
        ("POST", [HEAD, b"body"], [HEAD + b"body"]),
        ("POST", [HEAD, b"bo", b"dy"], [HEAD + b"bo", b"dy"]),
        ("POST", [HEAD, HEAD, b"more"], [HEAD + HEAD, b"more"]),
        ("POST", [HEAD, b"x" * JOINED], [HEAD + b"x" * JOINED]),
        ("POST", [HEAD, b"x" * (JOINED + 1)], [HEAD, b"x" * (JOINED + 1)]),
        ("POST", [CONTINUE, HEAD, b"body"], [CONTINUE, HEAD + b"body"]),
        ("GET", [STREAM, b"1\r\na\r\n"], [STREAM, b"1\r\na\r\n"]),
        ("GET", [HEAD], []),
        ("HEAD", [HEAD], [HEAD]),
    ],
)
def test_head_with_a_length_is_written_with_the_first_piece_of_the_body(
    method: str, writes: list[bytes], pieces: list[bytes]
) -> None:
    transport = Written()
    outlet = Outlet(transport, lambda: None)
    for _ in range(2):
        outlet.begin(method)
        for data in writes:
            outlet.write(data)
    assert transport.pieces == pieces * 2


def test_head_without_its_body_is_written_before_the_end() -> None:
    transport = Written()
    outlet = Outlet(transport, lambda: transport.pieces.append(b"closed"))
    outlet.begin("POST")
    outlet.write(HEAD)
    outlet.close()
    assert transport.pieces == [HEAD, b"closed"]


@pytest.mark.anyio
@pytest.mark.slow
async def test_pipelined_requests_get_whole_answers_in_their_order() -> None:
    async with serving() as server, server.client() as client:
        await client.send(request("/one") + request("/two", body=b"x" * 9) + request("/three"))
        answers = [(await client.answer()).document for _ in range(3)]
        assert [(answer["path"], answer["size"]) for answer in answers] == [("/one", 0), ("/two", 9), ("/three", 0)]
