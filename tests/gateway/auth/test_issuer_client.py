"""Tests of fetching an issuer's keys, and of the answers that are not accepted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.auth.issuer_client import MAX_DOCUMENT_SIZE, IssuerUnavailable, fetch, jwks_url, metadata_urls
from tests.gateway.auth.issuer import Issuer

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
OAUTH, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"


def test_metadata_urls_follow_the_specifications() -> None:
    assert metadata_urls("https://a.example") == [f"https://a.example{OAUTH}", f"https://a.example{OPENID}"]
    assert metadata_urls("https://a.example/") == metadata_urls("https://a.example")
    assert metadata_urls("https://a.example:1/realms/x") == [
        f"https://a.example:1{OAUTH}/realms/x",
        f"https://a.example:1{OPENID}/realms/x",
        f"https://a.example:1/realms/x{OPENID}",
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("path", ["", "/", "/realms/x"])
async def test_each_metadata_url_is_tried_in_turn(issuer: Issuer, path: str, place: int) -> None:
    url = f"{issuer.url}{path}"
    places = metadata_urls(url)
    found = places[min(place, len(places) - 1)].removeprefix(issuer.url)
    del issuer.answers[OAUTH]
    issuer.publish(found, issuer.metadata(issuer=url))
    assert len(await fetch(url)) == len(issuer.keys)
    assert issuer.asked[-2:] == [found, "/jwks"]


async def test_metadata_without_jwks_uri_leads_to_the_next_url(issuer: Issuer) -> None:
    issuer.publish(OAUTH, {"issuer": issuer.url})
    issuer.publish(OPENID, issuer.metadata())
    assert len(await fetch(issuer.url)) == len(issuer.keys)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(MAX_DOCUMENT_SIZE // 1000 + 2):
        yield b" " * 1000


def json_answer(document: Any) -> Callable[[], Response]:
    return lambda: Response(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        (
            OAUTH,
            json_answer({"issuer": "https://evil.example", "jwks_uri": "https://evil.example"}),
            "is of the issuer 'https",
        ),
        (OAUTH, json_answer({"jwks_uri": "https://evil.example"}), "is of the issuer None"),
        (OAUTH, json_answer([]), "is not an object"),
        (OAUTH, lambda: Response("<html>"), "is not JSON"),
        (OAUTH, lambda: Response(b"\xff"), "is not JSON"),
        (OAUTH, lambda: Response("[" * 100_000), "is not JSON"),
        (OAUTH, lambda: RedirectResponse("/elsewhere"), "answers 307"),
        (OAUTH, lambda: Response(status_code=500), "answers 500"),
        (OAUTH, lambda: StreamingResponse(pieces()), "is larger than"),
        ("/jwks", lambda: StreamingResponse(pieces()), "is larger than"),
        ("/jwks", json_answer({"keys": {}}), "has no keys"),
        ("/jwks", json_answer({}), "has no keys"),
        ("/jwks", lambda: RedirectResponse("/elsewhere"), "answers 307"),
        ("/jwks", lambda: Response("{}", headers={"content-length": "9"}), "ProtocolError"),
    ],
)
async def test_unusable_answer_is_reported_with_its_reason(
    issuer: Issuer, path: str, answer: Callable[[], Response], reason: str
) -> None:
    issuer.answers[path] = answer()
    with pytest.raises(IssuerUnavailable, match=reason):
        await fetch(issuer.url)


@pytest.mark.parametrize("url", ["", "jwks", "file:///etc/passwd", "ftp://x", "http://[", "data:,{}", 7])
async def test_unusable_jwks_uri_is_reported(issuer: Issuer, url: Any) -> None:
    issuer.publish(OAUTH, issuer.metadata(jwks_uri=url))
    with pytest.raises(IssuerUnavailable):
        await fetch(issuer.url)


def test_issuer_with_https_cannot_name_a_jwks_uri_with_http() -> None:
    at = "https://a.example"
    assert jwks_url(at, {"issuer": at, "jwks_uri": "https://b.example/keys"}, at) == "https://b.example/keys"
    with pytest.raises(IssuerUnavailable, match="has no usable jwks_uri"):
        jwks_url(at, {"issuer": at, "jwks_uri": "http://a.example/keys"}, at)


async def test_unreachable_issuer_is_reported() -> None:
    with pytest.raises(IssuerUnavailable, match="ConnectError"):
        await fetch("http://127.0.0.1:9")
