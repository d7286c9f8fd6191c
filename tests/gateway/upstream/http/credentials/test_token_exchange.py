"""Tokens for an upstream in exchange for the callers' own: each caller has its own, at every way in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.clients import ERAS as ERAS_OF_CLIENTS
from tests.clients import Era, connected, error_of, post
from tests.conftest import MakeApp
from tests.gateway.auth.issuer import AUDIENCE
from tests.gateway.upstream.http.credentials.authority import EXCHANGE, Authority, admitting
from tests.gateway.upstream.http.credentials.conftest import Served, whoami
from tests.gateway.upstream.http.peer import legacy, modern, serving
from tests.keys import add_key, bearer
from tests.sockets import connected as websocket
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])


def exchanging(authority: Authority, **fields: Any) -> dict[str, Any]:
    return authority.auth | {"type": "tokenExchange"} | fields


def settings(authority: Authority, **more: Any) -> dict[str, Any]:
    return {"auth_issuer": authority.issuer.url, "auth_audience": AUDIENCE, **more}


def exchanged(authority: Authority) -> list[str]:
    """Returns the subjects whose tokens were exchanged."""
    tokens = [form["subject_token"] for form in authority.forms if form["grant_type"] == EXCHANGE]
    return [jwt.decode(token, options={"verify_signature": False})["sub"] for token in tokens]


@ERAS
async def test_each_caller_is_known_to_the_upstream_and_has_a_session_of_its_own(
    authority: Authority, served: Served, speaking: Any
) -> None:
    async with (
        serving(admitting(authority, speaking(whoami), set())) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **settings(authority)) as http,
    ):
        names = ["ann", "bob", "cid"]
        tokens = {name: authority.issuer.token(sub=name) for name in names}

        async def call(name: str) -> tuple[str, str, str]:
            answer = await http.post("/one/mcp/call", json={"tool": "whoami"}, headers=bearer(tokens[name]))
            found = answer.json()["result"]
            return name, found["sub"], found["session"]

        found = await asyncio.gather(*(call(name) for name in names * 10))
        assert all(name == sub for name, sub, _ in found)
        sessions = {(name, session) for name, _, session in found}
        assert len(sessions) == 3
        assert len({session for _, session in sessions}) == (3 if speaking is legacy else 1)
        assert sorted(exchanged(authority)) == names  # once each
        for asked in peer.asked:
            assert not any(token in str(asked.headers) for token in tokens.values())
        used: dict[str, set[str]] = {}
        for asked in peer.asked:  # every request in a session, not the calls alone
            used.setdefault(asked.headers.get("mcp-session-id", ""), set()).add(asked.headers["sub"])
        assert all(len(who) == 1 for session, who in used.items() if session)


async def test_the_router_asks_for_the_upstream_and_with_its_own_token_for_itself(
    authority: Authority, served: Served
) -> None:
    auth = exchanging(authority, audience="there", scope="tools")
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": auth}, **settings(authority)) as http,
    ):
        http.headers.update(bearer(authority.issuer.token(sub="ann")))
        assert (await post(http, "whoami")).status_code == 200
        assert {asked.headers["sub"] for asked in peer.named("tools/list")} == {"router"}
        own, of_caller = authority.forms
        assert own == {"grant_type": "client_credentials", "audience": "there", "scope": "tools"}
        kind = "urn:ietf:params:oauth:token-type:access_token"
        more = {"subject_token_type": kind, "requested_token_type": kind, "audience": "there", "scope": "tools"}
        assert {name: of_caller[name] for name in more} == more
        assert set(of_caller) == {"grant_type", "subject_token", *more}


@pytest.mark.parametrize("era", ["legacy", "modern"])
@ERAS
async def test_clients_of_both_eras_are_known(authority: Authority, served: Served, speaking: Any, era: Era) -> None:
    async with (
        serving(admitting(authority, speaking(whoami), set())) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **settings(authority)) as http,
    ):
        for name in ("ann", "bob"):
            http.headers.update(bearer(authority.issuer.token(sub=name)))
            async with connected(http, era) as client:
                for _ in range(2):
                    found = await client.call_tool("whoami", {})
                    assert found.structured_content is not None
                    assert found.structured_content["sub"] == name
        assert exchanged(authority) == ["ann", "bob"]


async def test_another_token_of_the_same_caller_is_exchanged_anew_in_its_session(
    authority: Authority, served: Served
) -> None:
    async with (
        serving(admitting(authority, legacy(whoami), set())) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **settings(authority)) as http,
    ):
        sessions = set()
        for number in (1, 2):
            http.headers.update(bearer(authority.issuer.token(sub="ann", jti=str(number))))
            sessions.add((await post(http, "whoami")).json()["result"]["session"])
        assert (len(sessions), exchanged(authority)) == (1, ["ann", "ann"])
        sent = [asked.headers["authorization"] for asked in peer.named("tools/call")]
        assert len(set(sent)) == 2


async def test_a_token_that_is_refused_is_exchanged_once_more(authority: Authority, served: Served) -> None:
    revoked: set[str] = set()
    async with (
        serving(admitting(authority, legacy(whoami), revoked)) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **settings(authority)) as http,
    ):
        http.headers.update(bearer(authority.issuer.token(sub="ann")))
        assert (await post(http, "whoami")).status_code == 200
        revoked.update(authority.given)
        assert (await post(http, "whoami")).status_code == 200
        assert exchanged(authority) == ["ann", "ann"]


async def test_a_caller_without_an_access_token_is_refused_and_sends_nothing(
    authority: Authority, served: Served, tmp_path: Path
) -> None:
    key = add_key(tmp_path / "keys.json", "script", "one:*")
    auth = settings(authority, auth_keys=str(tmp_path / "keys.json"))
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **auth) as http,
    ):
        http.headers.update(bearer(authority.issuer.token(sub="ann")))
        assert (await post(http, "whoami")).status_code == 200
        http.headers.update(bearer(key))
        refused = await post(http, "whoami")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:multi-mcp:error:forbidden")
        assert "an API key is none" in refused.json()["detail"]
        for era in ERAS_OF_CLIENTS:
            async with connected(http, era) as client:
                assert "an API key is none" in (await error_of(client, "whoami"))["message"]
        assert (len(peer.named("tools/call")), exchanged(authority)) == (1, ["ann"])


async def test_a_refusal_is_the_callers_own_and_is_kept_for_a_while(authority: Authority, served: Served) -> None:
    authority.refused.add("eve")
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": exchanging(authority)}, **settings(authority)) as http,
    ):
        eve, ann = (bearer(authority.issuer.token(sub=name)) for name in ("eve", "ann"))
        for _ in range(5):
            refused = await http.post("/one/mcp/call", json={"tool": "whoami"}, headers=eve)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:multi-mcp:error:forbidden")
            assert "secret" not in refused.text
        good = await http.post("/one/mcp/call", json={"tool": "whoami"}, headers=ann)
        assert (good.status_code, exchanged(authority)) == (200, ["eve", "ann"])
        assert (await http.get("/one/mcp/health", headers=ann)).json()["status"] == "ok"
        assert len(peer.named("tools/call")) == 1


async def test_a_caller_over_a_websocket_is_known_by_the_token_of_its_frame(
    authority: Authority, make_app: MakeApp, tmp_path: Path
) -> None:
    async with serving(admitting(authority, legacy(whoami), set())) as peer:
        file = tmp_path / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {"one": {"url": peer.url, "auth": exchanging(authority)}}}))
        app = make_app(servers_file=str(file), **settings(authority))
        async with opened(app), websocket(app, "/one/mcp/ws") as socket:
            for number, name in enumerate(("ann", "bob", "ann")):
                token = authority.issuer.token(sub=name)
                await socket.ask({"id": f"t{number}", "token": token})
                answer = await socket.ask({"id": f"c{number}", "tool": "whoami"})
                assert answer["result"]["sub"] == name
        assert set(exchanged(authority)) == {"ann", "bob"}
