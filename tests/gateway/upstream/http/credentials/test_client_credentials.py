"""Tokens that the router gets for itself, from a real authorization server, for an upstream that checks them."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.clients import post
from tests.gateway.upstream.http.credentials.authority import SECRET, Authority, admitting
from tests.gateway.upstream.http.credentials.conftest import Served, whoami
from tests.gateway.upstream.http.peer import Asked, legacy, modern, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])


@ERAS
async def test_all_callers_share_one_token_which_is_got_once(
    authority: Authority, served: Served, speaking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    auth = authority.auth | {"clientSecret": "${CLIENT_SECRET}", "scope": "tools read"}
    async with serving(admitting(authority, speaking(whoami), set())) as peer:
        async with served({"url": peer.url, "auth": auth}) as http:
            answers = await asyncio.gather(*(post(http, "whoami") for _ in range(20)))
            assert [answer.json()["result"]["sub"] for answer in answers] == ["router"] * 20
        wanted = {"grant_type": "client_credentials", "resource": peer.url, "scope": "tools read"}
        assert authority.forms == [wanted]


@ERAS
async def test_a_token_that_is_refused_is_renewed_once_for_all_calls(
    authority: Authority, served: Served, speaking: Any
) -> None:
    revoked: set[str] = set()
    async with (
        serving(admitting(authority, speaking(whoami), revoked)) as peer,
        served({"url": peer.url, "auth": authority.auth}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 200
        revoked.update(authority.given)
        answers = await asyncio.gather(*(post(http, "whoami") for _ in range(9)))
        assert [answer.status_code for answer in answers] == [200] * 9
        assert len(authority.given) == 2
        revoked.update(authority.given)  # an upstream that refuses each token gets no more of them
        refused = await post(http, "whoami")
        assert (refused.status_code, refused.json()["outcome"], len(authority.given)) == (502, "not-executed", 2)


@pytest.mark.parametrize("era", ["auto", "legacy", "modern"])
async def test_a_link_is_opened_with_a_new_token_if_the_kept_one_is_refused(
    authority: Authority, served: Served, era: str
) -> None:
    revoked: set[str] = set()
    speaking = legacy if era == "legacy" else modern

    async def refusing_first(asked: Asked) -> None:
        revoked.update(authority.given[:1])
        await admitting(authority, speaking(whoami), revoked)(asked)

    async with (
        serving(refusing_first) as peer,
        served({"url": peer.url, "auth": authority.auth, "era": era}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 200
        assert len(authority.given) == 2


async def test_a_token_is_renewed_before_it_expires(authority: Authority, served: Served) -> None:
    authority.seconds = 2  # renewed at half of it
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": authority.auth}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 200
        first = len(authority.given)
        async with asyncio.timeout(10):
            while len(authority.given) == first:
                await asyncio.sleep(0.1)
                assert (await post(http, "whoami")).status_code == 200
        assert all(asked.headers.get("sub") == "router" for asked in peer.named("tools/call"))


@pytest.mark.parametrize("place", ["upstream", "issuer", "openid"])
async def test_the_endpoint_is_discovered_from_the_metadata(authority: Authority, served: Served, place: str) -> None:
    issuer, auth = authority.issuer, authority.auth
    del auth["tokenUrl"]

    async def answer(asked: Asked) -> None:
        if asked.target == "/.well-known/oauth-protected-resource/mcp":
            named = {"resource": peer.url, "authorization_servers": [issuer.url]}
            asked.answer(json.dumps(named).encode())
        else:
            await admitting(authority, modern(whoami), set())(asked)

    if place == "openid":
        del issuer.answers["/.well-known/oauth-authorization-server"]
        issuer.publish("/.well-known/openid-configuration", issuer.metadata(token_endpoint=f"{issuer.url}/token"))
    if place != "upstream":
        auth["issuer"] = issuer.url
    async with serving(answer) as peer, served({"url": peer.url, "auth": auth}) as http:
        assert (await post(http, "whoami")).json()["result"]["sub"] == "router"
        asked = [one.target for one in peer.asked if one.method == "GET"]
        assert (asked != []) == (place == "upstream")


FOUND = "/.well-known/oauth-authorization-server"
UNTRUSTED: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None, str]] = {
    "no metadata of the server": (None, {}, "the server names no issuer of tokens"),
    "no issuer": ({"authorization_servers": []}, {}, "the server names no issuer of tokens"),
    "another resource": ({"resource": "https://other.example/mcp"}, {}, "the metadata of the server is of another one"),
    "an issuer in the clear": ({"authorization_servers": ["http://a.example"]}, {}, "the issuer must begin with https"),
    "no metadata of the issuer": ({}, None, "the issuer has no metadata"),
    "another issuer": ({}, {"issuer": "https://other.example"}, "the metadata at the issuer is of another one"),
    "an endpoint in the clear": ({}, {"token_endpoint": "http://a.example/"}, "endpoint of the issuer must begin with"),
    "no endpoint": ({}, {"token_endpoint": 7}, "the token endpoint of the issuer is not a URL"),
}


@pytest.mark.parametrize(("resource", "metadata", "reason"), UNTRUSTED.values(), ids=UNTRUSTED)
async def test_no_secret_goes_where_the_metadata_cannot_be_trusted(
    authority: Authority,
    served: Served,
    resource: dict[str, Any] | None,
    metadata: dict[str, Any] | None,
    reason: str,
) -> None:
    issuer, auth = authority.issuer, authority.auth
    del auth["tokenUrl"]
    if metadata is None:
        del issuer.answers[FOUND]
    else:
        issuer.publish(FOUND, issuer.metadata(token_endpoint=f"{issuer.url}/token") | metadata)

    async def answer(asked: Asked) -> None:
        if asked.method == "GET" and resource is not None:
            asked.answer(json.dumps({"resource": peer.url, "authorization_servers": [issuer.url]} | resource).encode())
        else:
            asked.answer(b"", 404)

    async with serving(answer) as peer, served({"url": peer.url, "auth": auth}) as http:
        assert (await post(http, "whoami")).status_code == 503
        health = (await http.get("/one/mcp/health")).json()
        assert reason in health["reason"]
        assert (authority.forms, peer.named("server/discover")) == ([], [])


async def test_no_secret_nor_token_is_in_health_log_or_answers(
    authority: Authority, served: Served, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    revoked: set[str] = set()
    async with (
        serving(admitting(authority, modern(whoami), revoked)) as peer,
        served({"url": peer.url, "auth": authority.auth}) as http,
    ):
        seen = (await post(http, "whoami")).text
        revoked.update(authority.given)
        await post(http, "whoami")
        revoked.update(authority.given)
        for path in ("/one/mcp/health", "/health", "/tools"):
            seen += (await http.get(path)).text
        seen += (await post(http, "whoami")).text
    for text in (seen, caplog.text):
        for secret in (SECRET, *authority.given, "pass%3Aword", "Basic "):
            assert secret not in text
