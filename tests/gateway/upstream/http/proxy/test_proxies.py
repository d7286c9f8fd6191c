"""Upstreams behind an HTTP proxy, which the environment or an entry names."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.upstream.http.address import Address
from gateway.upstream.http.proxy.choice import Proxy, proxy_of
from gateway.upstream.link import LinkFailure
from tests.clients import post
from tests.conftest import MakeApp
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving
from tests.gateway.upstream.http.proxy.connect import ConnectProxy, proxying
from tests.proxies.certificate import certificate_in
from tests.transport import opened

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "structuredContent": {"way": "through"}}


async def good(asked: Asked) -> None:
    if asked.rpc == "tools/list":
        asked.result({"tools": [{"name": "tool", "inputSchema": {"type": "object"}}]})
    else:
        asked.result(GOOD)


def there(url: str) -> str:
    """Returns the URL under a name that only the proxy knows."""
    parts = urlsplit(url)
    return f"{parts.scheme}://upstream.example:{parts.port}{parts.path}"


def via(proxy: ConnectProxy, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{proxy.port}"


@ERAS
@pytest.mark.slow
async def test_calls_to_https_go_through_a_tunnel_with_tls_inside(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaking: Any
) -> None:
    certificate = certificate_in(tmp_path, "upstream.example")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    async with serving(speaking(good), tls=tls) as peer, proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", via(proxy, "me:p%40ss@"))
        url = there(peer.url)
        entry = {"url": url, "tls": {"ca": str(certificate.certificate)}}
        file = tmp_path / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {"one": entry}}))
        async with opened(make_app(servers_file=str(file))) as http:
            answers = await asyncio.gather(*(post(http, "tool") for _ in range(10)))
            assert [answer.json() for answer in answers] == [{"result": {"way": "through"}}] * 10
        port = urlsplit(url).port
        assert all(head.startswith(f"CONNECT upstream.example:{port} HTTP/1.1\r\n") for head in proxy.heads)
        assert all("Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in head for head in proxy.heads)
        assert not any("proxy-authorization" in asked.headers for asked in peer.asked)
        assert len(proxy.heads) < len(peer.asked)  # tunnels are used again


@ERAS
async def test_calls_to_http_are_sent_to_the_proxy(speaking: Any) -> None:
    async with serving(speaking(good)) as peer, proxying() as proxy:
        url = there(peer.url)
        async with linked(url, proxy=via(proxy, "me:secret@")) as link:
            assert await call(link) == GOOD
        assert f"POST {url} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n" in proxy.heads[0]
        assert "Proxy-Authorization: Basic " in proxy.heads[0]
        assert {asked.target for asked in peer.asked} <= {"/mcp", url}  # this proxy rewrites the first alone


REFUSALS = {
    "a password is asked for": (b"HTTP/1.1 407 secret\r\n\r\n", "no connection through the proxy: .* status 407"),
    "forbidden": (b"HTTP/1.1 403 no\r\ncontent-length: 6\r\n\r\nsecret", "no connection through the proxy: .* 403"),
    "not HTTP": (b"secret\r\n\r\n", "no connection through the proxy: its answer is not HTTP"),
    "an endless head": (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000, "no connection through the proxy"),
    "more than its answer": (b"HTTP/1.1 200 OK\r\n\r\nsecret", "no connection through the proxy"),
    "nothing": (b"H", "no connection through the proxy: its answer is not HTTP"),
    "no TLS inside": (b"HTTP/1.1 200 OK\r\n\r\n", "no connection through the proxy"),
}


@pytest.mark.parametrize(("answer", "reason"), REFUSALS.values(), ids=REFUSALS)
async def test_a_proxy_that_refuses_is_named_without_its_credentials(
    answer: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with proxying(answer) as proxy:
        with pytest.raises(LinkFailure, match=reason) as failed:
            async with linked("https://upstream.example/mcp", proxy=via(proxy, "me:secret@")):
                pass
        assert not failed.value.was_sent
        assert "secret" not in str(failed.value) + caplog.text


async def test_a_proxy_that_does_not_answer_is_named() -> None:
    async with proxying() as proxy:
        gone = via(proxy)
    for url in ("https://upstream.example/mcp", "http://upstream.example/mcp"):
        with pytest.raises(LinkFailure, match="no connection through the proxy: Connect call failed") as failed:
            async with linked(url, proxy=gone):
                pass
        assert not failed.value.was_sent


@pytest.mark.parametrize("url", ["socks5://me:secret@h:1", "https://me:secret@h", "http://", "http://me:secret@h:x"])
async def test_a_proxy_that_cannot_be_used_is_refused_without_its_url(url: str) -> None:
    with pytest.raises(LinkFailure, match=r"^proxy: expected http://HOST:PORT$"):
        async with linked("https://upstream.example/mcp", proxy=url):
            pass


P, Q = "http://p:1", "http://q:2"
CHOICES: list[tuple[dict[str, str], str, str | None]] = [
    ({}, "https://a.example", None),
    ({"HTTPS_PROXY": P}, "https://a.example", "p"),
    ({"HTTPS_PROXY": P, "https_proxy": Q}, "https://a.example", "q"),
    ({"HTTPS_PROXY": P}, "http://a.example", None),
    ({"HTTP_PROXY": P}, "http://a.example", "p"),
    ({"ALL_PROXY": P}, "http://a.example", "p"),
    ({"HTTPS_PROXY": "p:1"}, "https://a.example", "p"),
    ({"HTTPS_PROXY": " "}, "https://a.example", None),
    *(({"ALL_PROXY": P}, url, None) for url in ("http://localhost", "https://127.0.0.2", "http://[::1]:80")),
    *(
        ({"ALL_PROXY": P, "NO_PROXY": rules}, url, None if is_direct else "p")
        for rules, url, is_direct in (
            ("*", "https://a.example", True),
            ("a.example", "https://a.example", True),
            ("a.example", "https://b.a.example", True),
            (".a.example", "https://b.a.example", True),
            ("*.a.example", "https://b.a.example", True),
            ("x, A.Example ,y", "https://a.example", True),
            ("a.example", "https://ba.example", False),
            ("a.example:443", "https://a.example", True),
            ("a.example:8443", "https://a.example", False),
            ("10.0.0.0/8", "http://10.1.2.3", True),
            ("10.0.0.0/8", "http://11.1.2.3", False),
            ("10.1.2.3", "http://10.1.2.3:99", True),
            ("10.1.2.3:99", "http://10.1.2.3:99", True),
            ("fd00::/8", "http://[fd00::1]", True),
            ("[fd00::1]", "http://[fd00::1]", True),
            ("", "https://a.example", False),
            (",,:", "https://a.example", False),
        )
    ),
]


@pytest.mark.parametrize(("environ", "url", "host"), CHOICES)
def test_the_environment_says_which_proxy_is_used(environ: dict[str, str], url: str, host: str | None) -> None:
    found = proxy_of(Address.parse(url).origin, environ)
    assert (found.host if found is not None else None) == host


def test_an_entry_says_more_than_the_environment() -> None:
    origin = Address.parse("https://a.example").origin
    environ = {"HTTPS_PROXY": P, "NO_PROXY": "*"}
    assert proxy_of(origin, environ, Q) == Proxy("q", 2)
    assert proxy_of(origin, {"HTTPS_PROXY": P}, "none") is None
    assert "secret" not in repr(proxy_of(origin, {}, "http://me:secret@q"))
