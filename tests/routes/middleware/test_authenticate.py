"""Authentication over HTTP: accepted credentials, and refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context

from gateway.caller import caller
from tests import wire
from tests.clients import connected, post
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.routes.raw import HOST, ask
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def who() -> list[str | None]:
    """Returns the caller as the gateway and the SDK see it."""
    token = get_access_token()
    return [caller.get().name, token.client_id if token else None, token.token if token else None]


async def headers(ctx: Context) -> list[str]:
    """Returns the names of the headers that a tool can see."""
    request: Any = ctx.request_context.request
    return sorted(request.headers)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  ", "X-API-Key"])
async def test_key_is_accepted_in_either_header(make_app: MakeApp, keys: Path, key: str, scheme: str) -> None:
    sent = {"x-api-key": key} if scheme == "X-API-Key" else {"authorization": f"{scheme}{key}"}
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        http.headers.update(sent)
        for _ in range(2):
            assert (await post(http, "who")).json() == {"result": ["key:ci", "key:ci", ""]}


@pytest.mark.slow
async def test_key_is_accepted_over_native_mcp(make_app: MakeApp, keys: Path, key: str) -> None:
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        http.headers.update(bearer(key))
        for server in ("one", ""):
            for era in ("legacy", "modern"):
                async with connected(http, era, server) as client:
                    found = await client.call_tool("who" if server else "one_who")
                    assert found.structured_content == {"result": ["key:ci", "key:ci", ""]}


async def test_tools_cannot_see_credentials(make_app: MakeApp, keys: Path, key: str) -> None:
    async with opened(make_app(server_of(headers), auth_keys=str(keys))) as http:
        for sent in (bearer(key), {"x-api-key": key, "authorization": "Basic b3RoZXI6c2VjcmV0"}):
            http.headers = {**sent, "x-other": "1"}
            seen = (await post(http, "headers")).json()["result"]
            async with connected(http, "modern") as client:
                seen += (await client.call_tool("headers")).structured_content["result"]
            assert seen.count("x-other") == 2
            assert not {"authorization", "x-api-key"} & {*seen}


@pytest.mark.parametrize(
    "given", ["", "x", "mcp_", "mcp_00000000_x", "a.b.c", "mcp_ÿÿ", "x" * 20_000, "a" * 300 + "." * 900]
)
@pytest.mark.parametrize("header", [b"authorization", b"x-api-key"])
async def test_wrong_key_is_refused_without_a_reason(
    make_app: MakeApp, keys: Path, key: str, given: str, header: bytes
) -> None:
    value = given.encode("latin-1") if header == b"x-api-key" else b"Bearer " + given.encode("latin-1")
    answer = await ask(make_app(server_of(who), auth_keys=str(keys)), "POST", "/call", [HOST, (header, value)])
    assert (answer.status, answer.document["detail"]) == (401, "The credential is not valid.")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", error_description=')


async def test_expired_key_is_refused(make_app: MakeApp, keys: Path) -> None:
    key = add_key(keys, "ci", "one:*", expires=datetime(2020, 1, 1, tzinfo=UTC))
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        http.headers.update(bearer(key))
        answer = await post(http, "who")
    assert (answer.status_code, answer.json()["detail"]) == (401, "The credential has expired.")


async def test_two_credentials_are_refused(make_app: MakeApp, keys: Path, key: str) -> None:
    app = make_app(server_of(who), auth_keys=str(keys))
    by_bearer, by_key = (b"authorization", f"Bearer {key}".encode()), (b"x-api-key", key.encode())
    for sent in ([by_bearer, by_key], [by_key, by_key], [by_bearer, by_bearer]):
        answer = await ask(app, "GET", "/tools", [HOST, *sent])
        assert (answer.status, answer.document["type"]) == (400, "urn:multi-mcp:error:invalid-request")
        assert 'error="invalid_request"' in answer.headers["www-authenticate"]


async def test_other_authorization_schemes_are_ignored(make_app: MakeApp, keys: Path, key: str) -> None:
    app = make_app(server_of(who), auth_keys=str(keys))
    basic = (b"authorization", b"Basic b3RoZXI6c2VjcmV0")
    assert "error" not in (await ask(app, "GET", "/tools", [HOST, basic])).headers["www-authenticate"]
    assert (await ask(app, "GET", "/tools", [HOST, basic, (b"x-api-key", key.encode())])).status == 200


async def test_preflight_needs_no_credential(make_app: MakeApp, keys: Path, key: str) -> None:
    asked = [(b"origin", b"http://localhost"), (b"access-control-request-method", b"POST")]
    answer = await ask(make_app(server_of(who), auth_keys=str(keys)), "OPTIONS", "/one/mcp", [HOST, *asked])
    assert answer.status == 204
    assert {"authorization", "x-api-key"} <= {*answer.headers["access-control-allow-headers"].split(", ")}


async def test_browser_page_may_read_the_challenge(make_app: MakeApp, keys: Path, key: str) -> None:
    answer = await ask(
        make_app(server_of(who), auth_keys=str(keys)), "GET", "/tools", [HOST, (b"origin", b"http://localhost")]
    )
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]


@pytest.mark.slow
async def test_wrong_keys_do_not_lock_out_others_at_the_same_address(make_app: MakeApp, keys: Path, key: str) -> None:
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        statuses = {(await http.get("/tools", headers=bearer(f"mcp_{n}"))).status_code for n in range(50)}
        assert statuses == {401}
        assert (await http.get("/tools", headers=bearer(key))).status_code == 200
        assert (await http.get("/health", headers=bearer("wrong"))).status_code == 200


async def test_credentials_are_ignored_without_authentication(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(who))) as http:
        http.headers.update(bearer("anything"))
        assert (await post(http, "who")).json() == {"result": [None, None, None]}
        assert (await http.get("/health")).json()["tools"] == 1
        opening = await http.post("/one/mcp", json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
        assert opening.status_code == 200
        assert (await http.get("/.well-known/oauth-protected-resource")).status_code == 404
