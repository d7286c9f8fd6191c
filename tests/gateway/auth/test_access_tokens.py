"""Tests of the access tokens that are accepted, and of those that are refused."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import pytest
from mcp.server.auth.middleware.auth_context import get_access_token
from starlette.responses import Response

from app import create_app
from gateway.caller import caller
from gateway.errors import LoadError
from settings.values import Settings
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.auth.issuer import AUDIENCE, Issuer
from tests.keys import add_key, bearer
from tests.shipped import shipped
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
WRONG_TIMES: tuple[Any, ...] = (None, "soon", "99999999999", [1], {}, True, float("nan"))


async def who() -> list[str | None]:
    token = get_access_token()
    assert token is not None
    return [caller.get().name, token.client_id, token.subject, str(token.claims), token.token, *token.scopes]


@pytest.fixture(scope="module")
async def math(running: Issuer, anyio_backend: str) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(servers_dir=(shipped(),), servers=("math",), auth_issuer=running.url, auth_audience=AUDIENCE)
    async with opened(create_app(settings)) as http:
        yield http


@dataclass(frozen=True)
class Now:
    """A time relative to the run of the test."""

    seconds: int


def resolved(claims: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {name: now + value.seconds if isinstance(value, Now) else value for name, value in claims.items()}


@pytest.mark.parametrize("kid", ["rsa", "pss", "p256", "p384", "p521", "ed25519", "ed448"])
async def test_token_identifies_its_caller_with_every_type_of_key(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any], kid: str
) -> None:
    async with opened(make_app(server_of(who), **settings)) as http:
        http.headers.update(bearer(issuer.token(kid, client_id="app")))
        found = (await post(http, "who")).json()
        assert found == {"result": [f"{issuer.url}#ann", "app", "ann", f"{{'iss': '{issuer.url}'}}", "", "one:*"]}


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["https://other.example.com", AUDIENCE]},
        {"aud": f"{AUDIENCE}/mcp"},
        {"aud": f"{AUDIENCE}/math/mcp"},
        {"aud": f"{AUDIENCE}/math/mcp/"},
        {"scope": None, "scp": ["math:*"]},
        {"scope": None, "scp": "openid math:*"},
        {"scope": "openid math:* profile"},
        {"azp": "web"},
        {"client_id": 7},
        {"nbf": Now(+5)},
        {"exp": Now(-5)},
        {"exp": 1e300},
        {"sub": "änn ✓"},
    ],
    ids=repr,
)
async def test_valid_token_is_accepted(math: httpx2.AsyncClient, running: Issuer, claims: dict[str, Any]) -> None:
    answer = await math.get("/math/mcp/tools", headers=bearer(running.token(**{"scope": "math:*"} | resolved(claims))))
    assert (answer.status_code, len(answer.json()["tools"])) == (200, 2)


@pytest.mark.parametrize(
    "claims",
    [
        *({"exp": exp} for exp in WRONG_TIMES),
        {"exp": Now(-15)},
        {"nbf": Now(+60)},
        *({name: wrong} for name in ("nbf", "iat") for wrong in ("later", "1", False)),
        {"iat": Now(+600)},
        {"iss": None},
        {"iss": "https://evil.example.com"},
        {"iss": "http://127.0.0.1"},
        {"iss": ["x"]},
        {"aud": None},
        {"aud": ""},
        {"aud": []},
        {"aud": "https://other.example.com"},
        {"aud": ["https://other.example.com"]},
        {"aud": f"{AUDIENCE}.evil.example.com/mcp"},
        {"aud": f"{AUDIENCE}/math/mcp/call"},
        {"aud": f"{AUDIENCE}/a/b/mcp"},
        {"aud": {AUDIENCE: 1}},
        {"aud": [AUDIENCE, 1]},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "  "},
        {"sub": "ann\nroot"},
        {"sub": "a" * 256},
        {"scope": 7},
        {"scope": [1]},
        {"scope": {"math:*": True}},
        {"jti": 1},
    ],
    ids=repr,
)
async def test_invalid_token_is_refused(math: httpx2.AsyncClient, running: Issuer, claims: dict[str, Any]) -> None:
    key, algorithm = running.keys["rsa"]
    payload = json.dumps(running.claims(**resolved(claims))).encode()  # the library refuses to encode some of these
    token = jwt.api_jws.encode(payload, key, algorithm, {"kid": "rsa"})
    answer = await math.get("/math/mcp/tools", headers=bearer(token))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:multi-mcp:error:unauthenticated")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_expired_token_is_refused_as_expired(make_app: MakeApp, issuer: Issuer, settings: dict[str, Any]) -> None:
    async with opened(make_app(server_of(who), **settings)) as http:
        answer = await http.get("/tools", headers=bearer(issuer.token(exp=int(time.time()) - 60)))
        assert (answer.status_code, answer.json()["detail"]) == (401, "The credential has expired.")
        assert (await http.get("/tools", headers=bearer(issuer.token()))).status_code == 200


async def test_token_without_key_id_is_verified_by_the_only_key_with_its_algorithm(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any]
) -> None:
    token = jwt.encode(issuer.claims(), issuer.keys["p256"][0], "ES256")
    async with opened(make_app(server_of(who), **settings)) as http:
        assert (await http.get("/tools", headers=bearer(token))).status_code == 200


async def test_tokens_get_503_while_the_keys_are_unavailable_and_health_stays_open(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any]
) -> None:
    async with opened(make_app(server_of(who), **settings)) as http:
        issuer.answers["/jwks"] = Response(status_code=500)
        answer = await http.get("/tools", headers=bearer(issuer.token()))
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:multi-mcp:error:unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await http.get("/tools", headers=bearer(issuer.token("p256")))).status_code == 503
        assert (await http.get("/health", headers=bearer(issuer.token()))).json() == {"status": "ok"}


async def test_unreachable_issuer_is_logged_once_and_tokens_get_503(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, issuer: Issuer
) -> None:
    app = make_app(server_of(who), auth_issuer="http://127.0.0.1:9", auth_audience=AUDIENCE)
    async with opened(app) as http:
        for _ in range(3):
            assert (await http.get("/tools", headers=bearer(issuer.token()))).status_code == 503
    (message,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert message.startswith("cannot fetch the keys of issuer http://127.0.0.1:9: ConnectError")


async def test_tokens_and_keys_are_both_accepted_if_both_are_configured(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any], tmp_path: Any
) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys, "ci", "one:*")
    async with opened(make_app(server_of(who), **settings, auth_keys=str(keys))) as http:
        for credential in (key, issuer.token()):
            assert (await http.get("/tools", headers=bearer(credential))).status_code == 200
            assert (await http.get("/tools", headers={"x-api-key": credential})).status_code == 200


def test_issuer_must_be_a_url_and_needs_an_audience(make_app: MakeApp) -> None:
    for url in ("tools", "ftp://x", "https://", "https://x?y=1", "https://x#y", "http://["):
        with pytest.raises(LoadError, match="MCP_AUTH_ISSUER="):
            make_app(auth_issuer=url, auth_audience=AUDIENCE)
    with pytest.raises(LoadError, match="MCP_AUTH_AUDIENCE"):
        make_app(auth_issuer="https://issuer.example.com")


def test_issuer_without_https_is_logged_as_a_warning_except_on_loopback(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    for url in ("https://issuer.example.com", "http://127.0.0.1:9", "http://issuer.example.com"):
        make_app(server_of(who), auth_issuer=url, auth_audience=AUDIENCE)
    warnings = [message[:42] for message in caplog.messages if message.startswith("MCP_AUTH_ISSUER")]
    assert warnings == ["MCP_AUTH_ISSUER=http://issuer.example.com:"]
