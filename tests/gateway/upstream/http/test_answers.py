"""Forms of answers, and the connections they come on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.upstream.link import Origin
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


FORMS = {
    "whole": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n{body}",
    "after interim answers": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{body}",
    "chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{hex};x=y\r\n{body}\r\n0\r\nt: x\r\n\r\n",
    "HTTP/1.0": "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}",
    "until the end": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}",
    "events": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
    ": hello\r\n\r\nevent: message\r\nid: 1\r\ndata: {body}\r\n\r\n",
    "events with CR alone": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {body}\r\r",
    "events with others": "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\n"
    'event: ping\ndata: x\n\nretry: 10\ndata\n\ndata: {{"jsonrpc": "2.0", "id": 9, "result": {{}}}}\n\n'
    'data: {{"jsonrpc": "2.0",\ndata: "method": "notifications/message"}}\n\ndata:{body}\n\n',
    "a head of 60 KiB": "HTTP/1.1 200 OK\r\nX: " + "x" * 60 * 1024 + "\r\nContent-Length: {size}\r\n\r\n{body}",
}


TEXTS = {
    "a byte order mark": (b"\xef\xbb\xbf%b", b"text", "text"),
    "no UTF-8": (b"%b", b"a\xffb", "a\ufffdb"),
    "half of a pair": (b" %b", b"cut \\ud83d.", "cut ?."),
    "escaped escapes": (b"%b", b"\\\\ud83d \\ude00", "\\ud83d ?"),
}


@ERAS
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "events"])
@pytest.mark.parametrize(("form", "sent", "text"), TEXTS.values(), ids=TEXTS)
async def test_an_answer_with_a_text_that_cannot_be_is_an_answer(
    speaking: Any, is_stream: bool, form: bytes, sent: bytes, text: str
) -> None:
    async def answer(asked: Asked) -> None:
        body = form % asked.encoded(result={"content": [{"type": "text", "text": "?"}]}).replace(b'"?"', b'"%b"' % sent)
        if is_stream:
            asked.stream()
            asked.event(body)
            asked.end()
        else:
            asked.answer(body)

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        assert (await call(link))["content"][0]["text"] == text


@ERAS
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("is_split", [False, True], ids=["at once", "byte by byte"])
async def test_an_answer_may_have_any_form(speaking: Any, form: str, is_split: bool) -> None:
    async def answer(asked: Asked) -> None:
        body = asked.encoded(result=GOOD).decode()
        data = form.format(body=body, size=len(body), hex=hex(len(body))[2:]).encode()
        size = max(1, len(data) // 600) if is_split else len(data)
        for start in range(0, len(data), size):
            asked.raw(data[start : start + size])
            if is_split:
                await asyncio.sleep(0)
        if "Content-Length" not in form and "chunked" not in form:
            asked.close()

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        assert [await call(link) for _ in range(3)] == [GOOD] * 3


@ERAS
async def test_names_of_headers_have_any_letters_and_trailers_are_no_headers(speaking: Any) -> None:
    async def answer(asked: Asked) -> None:
        body = asked.encoded(result=GOOD)
        head = b"HTTP/1.1 100 Continue\r\ncontent-type: text/event-stream\r\n\r\nHTTP/1.1 200 OK\r\n"
        head += b"CONTENT-TYPE: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        asked.raw(head + b"%x\r\n%b\r\n0\r\nContent-Type: text/event-stream\r\n\r\n" % (len(body), body))

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        assert [await call(link) for _ in range(3)] == [GOOD] * 3


@pytest.mark.slow
async def test_a_connection_is_used_again_also_after_a_stream() -> None:
    async def answer(asked: Asked) -> None:
        asked.stream()
        asked.event(asked.encoded(result=GOOD))
        await asked.writer.drain()
        await asyncio.sleep(0.01)
        asked.end()

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        for _ in range(5):
            assert await call(link) == GOOD
            while len(link._client.pool._idle) < 1:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        assert len({asked.writer for asked in peer.asked}) == 1


@pytest.mark.slow
async def test_a_stream_may_say_much_after_its_answer() -> None:
    async def answer(asked: Asked) -> None:
        asked.stream()
        asked.event(asked.encoded(result=GOOD))
        await asked.writer.drain()
        await asyncio.sleep(0.01)
        asked.chunk(b": x\n" * 25_000)
        asked.end()

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        for _ in range(4):
            assert await call(link) == GOOD
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.slow
async def test_an_answer_to_no_request_is_given_to_none(is_late: bool) -> None:
    async def answer(asked: Asked) -> None:
        asked.result(GOOD)
        if is_late:
            await asked.writer.drain()
            await asyncio.sleep(0)
        asked.answer(asked.encoded(result={"content": [], "isError": True}))

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        assert [await call(link) for _ in range(20)] == [GOOD] * 20


@pytest.mark.slow
async def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    async def answer(asked: Asked) -> None:
        asked.result(GOOD)
        asked.close()

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        assert [await call(link) for _ in range(100)] == [GOOD] * 100


async def test_a_server_may_have_an_ipv6_address() -> None:
    async with serving(modern(good), host="::1") as peer, linked(peer.url) as link:
        assert await call(link) == GOOD
        assert peer.asked[-1].headers["host"] == peer.url.removeprefix("http://").removesuffix("/mcp")


async def test_the_fields_of_each_hop_are_our_own() -> None:
    """Its origin's capabilities are sent, and its vendor's fields; its revision, name and token are not."""

    async def answer(asked: Asked) -> None:
        asked.result(GOOD)

    reserved = "io.modelcontextprotocol/"
    theirs = {f"{reserved}protocolVersion": "x", f"{reserved}clientInfo": {"name": "x"}, "progressToken": "x"}
    meta = {**theirs, f"{reserved}clientCapabilities": {"sampling": {}}, "traceparent": "t"}
    for speaking in (modern, legacy):
        async with serving(speaking(answer)) as peer, linked(peer.url) as link:
            origin = Origin({"elicitation": {}})
            await link.request("tools/call", {"name": "x", "arguments": {}, "_meta": meta}, origin=origin)
            sent = peer.named("tools/call")[0].message["params"]["_meta"]
            if speaking is legacy:
                assert sent == {"traceparent": "t"}
                continue
            assert sent[f"{reserved}clientInfo"]["name"] == "multi-mcp"
            assert sent[f"{reserved}protocolVersion"] == "2026-07-28"
            assert sent[f"{reserved}clientCapabilities"] == {"elicitation": {}}
            assert (sent["traceparent"], "progressToken" in sent) == ("t", False)
