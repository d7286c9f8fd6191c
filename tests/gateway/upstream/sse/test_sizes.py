"""Answers that are longer than `maxMessage`, beside others on the same stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.peer import Stream, good, sse_server

pytestmark = pytest.mark.anyio
GOOD = {"result": "good"}
Long = Callable[[int], bytes]


def result(size: int = 200_000) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "x" * size}], "structuredContent": {"id": 1, "a": [{"id": 2}]}}


def id_first(number: int) -> bytes:
    return b"data: " + json.dumps({"jsonrpc": "2.0", "id": number, "result": result()}).encode() + b"\n\n"


def id_last(number: int) -> bytes:
    return b"data: " + json.dumps({"result": result(), "jsonrpc": "2.0", "id": number}).encode() + b"\n\n"


def in_lines(number: int) -> bytes:
    lines = json.dumps({"id": number, "jsonrpc": "2.0", "result": result(5000)}, indent=1).splitlines()
    return b"".join(b"data: " + line.encode() + b"\r\n" for line in lines) + b"\r\n"


def id_between(number: int) -> bytes:
    document = {"a": 1, "result": result(), "jsonrpc": "2.0", "id": number, "b": 2}
    return b"data:" + json.dumps(document).encode() + b"\n\n"


def question(number: int) -> bytes:
    document = {"method": "roots/list", "params": {"x": "x" * 200_000}, "jsonrpc": "2.0", "id": number}
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def unreadable(number: int) -> bytes:
    return b"data: " + b"x" * 200_000 + b"\n\n"


@pytest.mark.parametrize(
    ("long", "fails_others"),
    [(id_first, False), (id_last, False), (in_lines, False), (id_between, True), (question, True), (unreadable, True)],
)
async def test_answer_that_is_too_long_fails_its_call_alone_if_it_is_clear_whose_it_is(
    serving: Serving, long: Long, fails_others: bool
) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        if len(server.named("tools/call")) == 2:
            message = long(request.message["id"])
            for begin in range(0, len(message), 999):
                stream.asked.chunk(message[begin : begin + 999])

    async with sse_server(call) as server, serving(one=server.entry(maxMessage=4096)) as http:
        await status(http)
        answers: list[httpx2.Response] = []

        async def first() -> None:
            answers.append(await post(http, "tool"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            slow = await server.has("tools/call")
            failed = await post(http, "tool")
            assert (failed.status_code, failed.json()["outcome"]) == (502, "unknown")
            server.streams["secret-2"].result(slow)
        assert answers[0].json().get("outcome") == ("unknown" if fails_others else None)
        server.call = good
        assert (await post(http, "tool")).json() == GOOD
        assert len(server.streams) == (3 if fails_others else 2)
