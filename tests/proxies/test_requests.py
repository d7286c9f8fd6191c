"""Requests through each proxy: calls, sizes, links, addresses, clients that leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.proxies.conftest import NAMES, Behind
from tests.proxies.proxy import Proxy

pytestmark = pytest.mark.proxies
MAX_BODY = 4 * 1024 * 1024
JSON = {"content-type": "application/json"}


def body_of(size: int) -> bytes:
    """Returns a call of the echo server that has this number of bytes."""
    start, end = b'{"tool":"echo","arguments":{"message":"', b'"}}'
    return start + b"x" * (size - len(start) - len(end)) + end


def chunks_of(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 64 * 1024):
        yield body[start : start + 64 * 1024]


def links(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [link for key, value in document.items() if key not in ("paths", "components") for link in links(value)]
    if isinstance(document, list):
        return [link for value in document for link in links(value)]
    return [document] if isinstance(document, str) and document.startswith("/") else []


def test_call_is_answered(proxy: Proxy) -> None:
    assert proxy.call("math", "add", a=10, b=32) == (200, {"result": 42})
    status, refused = proxy.call("math", "add", a="x", b=32)
    assert (status, refused["type"]) == (422, "urn:multi-mcp:error:invalid-arguments")


def test_300_calls_share_a_connection(proxy: Proxy) -> None:
    connection = proxy.connection()
    connection.connect()
    used = connection.sock
    for number in range(300):
        body = json.dumps({"tool": "add", "arguments": {"a": number, "b": 1}})
        connection.request("POST", "/math/mcp/call", body, JSON)
        assert json.loads(connection.getresponse().read()) == {"result": number + 1}
        assert connection.sock is used
    connection.close()


def test_body_of_the_largest_size_passes_in_both_framings(proxy: Proxy) -> None:
    body = body_of(MAX_BODY)
    for sent in (body, chunks_of(body)):
        status, answer = proxy.ask("POST", "/echo/mcp/call", sent)
        assert (status, len(answer["result"])) == (200, MAX_BODY - len(body_of(0)))


def test_client_receives_the_413_of_the_router_for_a_larger_body(proxy: Proxy) -> None:
    for size in (MAX_BODY + 1, 7 * 1024 * 1024):
        status, answer = proxy.ask("POST", "/echo/mcp/call", body_of(size))
        assert (status, answer["type"]) == (413, "urn:multi-mcp:error:too-large")
    assert proxy.call("echo", "echo", message="still there") == (200, {"result": "still there"})


def test_links_have_the_prefix_that_the_proxy_removes(proxy: Proxy) -> None:
    for path in ("/", "/tools", "/math/mcp/tools", "/openapi.json", "/math/openapi.json"):
        status, document = proxy.ask("GET", f"/router{path}")
        found = links(document)
        assert status == 200
        assert found
        assert [link for link in found if not (link + "/").startswith("/router/")] == []
    called = proxy.ask("POST", "/router/math/mcp/tools/add_tool", {"a": 1, "b": 2})
    assert called == (200, {"result": 3})


def test_prefix_that_the_client_makes_up_is_ignored(proxy: Proxy) -> None:
    for path, tools in (("/", "/tools"), ("/router/", "/router/tools")):
        assert proxy.ask("GET", path, headers={"x-forwarded-prefix": "/evil"})[1]["tools"] == tools


@pytest.mark.parametrize("name", NAMES)
def test_log_has_the_address_of_the_client_and_not_the_one_it_makes_up(
    name: str, behind: Behind, guarded: Router
) -> None:
    proxy = behind(name, guarded)
    for forged in ({}, {"x-forwarded-for": "203.0.113.9"}, {"x-forwarded-for": "203.0.113.9, 127.0.0.1"}):
        headers = {"authorization": "Bearer wrong", **forged}
        assert proxy.ask("GET", "/tools", headers=headers, source="127.0.0.2")[0] == 401
    assert [event["address"] for event in guarded.events() if event["event"] == "refused"] == ["127.0.0.2"] * 3


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_client_that_leaves_ends_its_call(proxy: Proxy, note: Note, accept: str) -> None:
    connection = proxy.connection()
    body = json.dumps({"tool": "wait", "arguments": {"seconds": 60, "note": str(note.path)}})
    connection.request("POST", "/slow/mcp/call", body, {**JSON, "accept": accept})
    note.await_lines("began")
    connection.close()
    note.await_lines("began", "cancelled")
