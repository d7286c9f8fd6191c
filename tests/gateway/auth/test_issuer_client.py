"""Where an issuer's keys are found, and what is not taken for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.auth.issuer_client import LARGEST, Away, fetch, jwks_url, metadata_urls
from tests.gateway.auth.issuer import Issuer

pytestmark = [pytest.mark.process, pytest.mark.anyio]
OAUTH, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"


def test_metadata_is_looked_for_where_the_specifications_put_it() -> None:
    assert metadata_urls("https://a.example") == [f"https://a.example{OAUTH}", f"https://a.example{OPENID}"]
    assert metadata_urls("https://a.example/") == metadata_urls("https://a.example")
    assert metadata_urls("https://a.example:1/realms/x") == [
        f"https://a.example:1{OAUTH}/realms/x",
        f"https://a.example:1{OPENID}/realms/x",
        f"https://a.example:1/realms/x{OPENID}",
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("path", ["", "/", "/realms/x"])
async def test_each_place_is_asked_in_turn(issuer: Issuer, path: str, place: int) -> None:
    url = f"{issuer.url}{path}"
    places = metadata_urls(url)
    found = places[min(place, len(places) - 1)].removeprefix(issuer.url)
    del issuer.answers[OAUTH]
    issuer.publish(found, issuer.metadata(issuer=url))
    assert len(await fetch(url)) == len(issuer.keys)
    assert issuer.asked[-2:] == [found, "/jwks"]


async def test_metadata_without_keys_sends_on_to_the_next_place(issuer: Issuer) -> None:
    issuer.publish(OAUTH, {"issuer": issuer.url})
    issuer.publish(OPENID, issuer.metadata())
    assert len(await fetch(issuer.url)) == len(issuer.keys)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(LARGEST // 1000 + 2):
        yield b" " * 1000


def said(document: Any) -> Callable[[], Response]:
    return lambda: Response(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        (
            OAUTH,
            said({"issuer": "https://evil.example", "jwks_uri": "https://evil.example"}),
            "is of the issuer 'https",
        ),
        (OAUTH, said({"jwks_uri": "https://evil.example"}), "is of the issuer None"),
        (OAUTH, said([]), "is not an object"),
        (OAUTH, lambda: Response("<html>"), "is not JSON"),
        (OAUTH, lambda: Response(b"\xff"), "is not JSON"),
        (OAUTH, lambda: Response("[" * 100_000), "is not JSON"),
        (OAUTH, lambda: RedirectResponse("/elsewhere"), "answers 307"),
        (OAUTH, lambda: Response(status_code=500), "answers 500"),
        (OAUTH, lambda: StreamingResponse(pieces()), "is larger than"),
        ("/jwks", lambda: StreamingResponse(pieces()), "is larger than"),
        ("/jwks", said({"keys": {}}), "has no keys"),
        ("/jwks", said({}), "has no keys"),
        ("/jwks", lambda: RedirectResponse("/elsewhere"), "answers 307"),
        ("/jwks", lambda: Response("{}", headers={"content-length": "9"}), "ProtocolError"),
    ],
)
async def test_what_is_no_answer_is_said(
    issuer: Issuer, path: str, answer: Callable[[], Response], reason: str
) -> None:
    issuer.answers[path] = answer()
    with pytest.raises(Away, match=reason):
        await fetch(issuer.url)


@pytest.mark.parametrize("url", ["", "jwks", "file:///etc/passwd", "ftp://x", "http://[", "data:,{}", 7])
async def test_a_url_of_keys_that_cannot_be_asked_is_said(issuer: Issuer, url: Any) -> None:
    issuer.publish(OAUTH, issuer.metadata(jwks_uri=url))
    with pytest.raises(Away):
        await fetch(issuer.url)


def test_keys_are_not_asked_for_in_the_clear_where_the_issuer_is_not() -> None:
    at = "https://a.example"
    assert jwks_url(at, {"issuer": at, "jwks_uri": "https://b.example/keys"}, at) == "https://b.example/keys"
    with pytest.raises(Away, match="no jwks_uri that can be used"):
        jwks_url(at, {"issuer": at, "jwks_uri": "http://a.example/keys"}, at)


async def test_an_issuer_that_is_not_there_is_said() -> None:
    with pytest.raises(Away, match="ConnectError"):
        await fetch("http://127.0.0.1:9")
