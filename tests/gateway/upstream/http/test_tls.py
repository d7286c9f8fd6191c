"""Certificates of servers, and our own."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.opening import HttpOpening
from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, ignored, linked, modern, serving
from tests.proxies.certificate import Certificate, certificate_in

pytestmark = pytest.mark.anyio
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificate_in(tmp_path)


@pytest.fixture
def context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


async def test_only_a_server_whose_certificate_is_trusted_is_spoken_to(
    certificate: Certificate, context: ssl.SSLContext
) -> None:
    async with serving(modern(good), tls=context) as peer:
        url = peer.url.replace("127.0.0.1", "localhost")
        with pytest.raises(LinkFailure, match=r"no connection: (self-signed|unable to get)") as failed:
            async with linked(url):
                pass
        assert (failed.value.was_sent, peer.asked) == (False, [])
        async with linked(url, tls={"ca": str(certificate.certificate)}) as link:
            assert [await call(link) for _ in range(3)] == [GOOD] * 3
        with pytest.raises(LinkFailure, match="IP address mismatch"):
            async with linked(peer.url, tls={"ca": str(certificate.certificate)}):
                pass


async def test_a_server_may_ask_for_our_certificate(certificate: Certificate, context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate.certificate)
    ca = str(certificate.certificate)
    async with serving(modern(good), tls=context) as peer:
        url = peer.url.replace("127.0.0.1", "localhost")
        async with linked(url, tls={"ca": ca, "cert": ca, "key": str(certificate.key)}) as link:
            assert await call(link) == GOOD
        with pytest.raises(LinkFailure):
            async with linked(url, tls={"ca": ca}):
                pass


@pytest.mark.parametrize("field", ["ca", "cert"])
async def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, field: str) -> None:
    (tmp_path / "text").write_text("secret")
    for name, reason in (("missing", "tls: No such file or directory"), ("text", "tls: ")):
        entry = Upstream.model_validate({"type": "http", "url": "https://x", "tls": {field: f"{tmp_path}/{name}"}})
        with pytest.raises(LinkFailure, match=reason) as failed:
            await HttpOpening(Clients(entry, {}))(ignored)
        assert "secret" not in str(failed.value)
