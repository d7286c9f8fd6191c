"""Tests of the kinds of tokens that one issuer signs for our audience: only bearer access tokens are accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from app import create_app
from settings.values import Settings
from tests.gateway.auth.issuer import AUDIENCE, Issuer
from tests.keys import bearer
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
NO_TYPE = ""


@pytest.fixture(scope="module")
async def math(running: Issuer, anyio_backend: str) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(servers_dir=(shipped(),), servers=("math",), auth_issuer=running.url, auth_audience=AUDIENCE)
    async with opened(create_app(settings)) as http:
        yield http


async def answer_to(http: httpx2.AsyncClient, issuer: Issuer, typ: Any, claims: dict[str, Any]) -> httpx2.Response:
    token = issuer.token(header={"typ": typ}, **{"scope": "math:*"} | claims)
    return await http.get("/math/mcp/tools", headers=bearer(token))


@pytest.mark.parametrize(
    ("typ", "claims"),
    [
        ("at+jwt", {}),
        ("application/at+jwt", {"nonce": "n"}),
        ("AT+JWT", {}),
        pytest.param("JWT", {"typ": "Bearer", "azp": "app", "sid": "s", "acr": "1"}, id="Keycloak"),
        pytest.param("JWT", {"typ": "Bearer", "nonce": "n"}, id="Keycloak before 25, after a login with a nonce"),
        pytest.param("JWT", {"azp": "app", "gty": "client-credentials"}, id="Auth0"),
        pytest.param("JWT", {"ver": "2.0", "oid": "o", "uti": "u", "scope": None, "scp": "math:*"}, id="Entra"),
        pytest.param(NO_TYPE, {"ver": 1, "cid": "app", "scope": None, "scp": ["math:*"]}, id="Okta"),
        pytest.param(NO_TYPE, {"token_use": "access", "client_id": "app"}, id="Cognito"),
        pytest.param("JWT", {"tokenName": "access_token", "token_type": "Bearer", "nonce": "n"}, id="ForgeRock"),
    ],
)
async def test_access_token_of_a_common_issuer_is_accepted(
    math: httpx2.AsyncClient, running: Issuer, typ: str, claims: dict[str, Any]
) -> None:
    assert (await answer_to(math, running, typ, claims)).status_code == 200


@pytest.mark.parametrize(
    ("typ", "claims"),
    [
        ("logout+jwt", {}),
        ("secevent+jwt", {}),
        ("id_token+jwt", {}),
        ("refresh+jwt", {}),
        ("dpop+jwt", {}),
        ("oauth-authz-req+jwt", {}),
        ("token-introspection+jwt", {}),
        ("at+jwt ", {}),
        *(("JWT", {"typ": kind}) for kind in ("ID", "Refresh", "Offline", "Logout", "Serialized-ID", "DPoP", "", 7)),
        *(("JWT", {"token_use": kind}) for kind in ("id", "refresh")),
        ("JWT", {"token_type": "refresh"}),
        ("JWT", {"tokenName": "id_token"}),
        ("at+jwt", {"typ": "ID"}),
        ("JWT", {"nonce": "n"}),
        (NO_TYPE, {"nonce": "n"}),
        *(("JWT", {name: "x"}) for name in ("at_hash", "c_hash", "s_hash")),
        ("at+jwt", {"at_hash": "x"}),
        ("JWT", {"typ": "Bearer", "at_hash": "x"}),
        ("JWT", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        ("at+jwt", {"events": {}}),
    ],
    ids=repr,
)
async def test_id_logout_and_refresh_tokens_are_refused(
    math: httpx2.AsyncClient, running: Issuer, typ: str, claims: dict[str, Any]
) -> None:
    answer = await answer_to(math, running, typ, claims)
    assert (answer.status_code, answer.json()["detail"]) == (401, "The token is not an access token.")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("typ", ["at+jwt", "JWT"])
@pytest.mark.parametrize("bound", [{"jkt": "x"}, {"x5t#S256": "x"}, {}, "x"], ids=repr)
async def test_token_that_is_bound_to_its_sender_is_refused(
    math: httpx2.AsyncClient, running: Issuer, typ: str, bound: Any
) -> None:
    answer = await answer_to(math, running, typ, {"cnf": bound})
    detail = "The token is bound to its sender (cnf), which is not supported."
    assert (answer.status_code, answer.json()["detail"]) == (401, detail)


@pytest.mark.slow
async def test_kind_of_a_forged_token_is_not_told(math: httpx2.AsyncClient, running: Issuer) -> None:
    head, _, signature = running.token(header={"typ": "logout+jwt"}).split(".")
    body = running.token(cnf={"jkt": "x"}).split(".")[1]
    answer = await math.get("/math/mcp/tools", headers=bearer(f"{head}.{body}.{signature}"))
    assert (answer.status_code, answer.json()["detail"]) == (401, "The credential is not valid.")
