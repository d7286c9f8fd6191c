"""Native calls outside the caller's scopes, which get HTTP 403 with the missing scope."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.auth.utils import extract_resource_metadata_from_www_auth, extract_scope_from_www_auth
from starlette.applications import Starlette

from tests import wire
from tests.clients import ERAS, Era, connected, error_of, open_session
from tests.conftest import MakeApp, server_of
from tests.routes.native.conftest import add
from tests.routes.raw import HOST, ask_behind
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
METADATA = "http://localhost/.well-known/oauth-protected-resource"
PLACES = [("/one/mcp", "add"), ("/one/mcp/", "add"), ("/mcp", "one_add"), ("/mcp/", "one_add")]


async def answered(
    http: Http, era: Era, url: str, name: str, number: int | str = 7, **arguments: Any
) -> httpx2.Response:
    if era == "modern":
        headers, body = wire.modern("tools/call", name=name, arguments=arguments)
    else:
        headers = await open_session(http, url)
        body = wire.request("tools/call", name=name, arguments=arguments)
    return await http.post(url, json={**body, "id": number}, headers=headers)


@pytest.mark.parametrize("number", [7, "seven"])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("url", "name"), PLACES)
async def test_refusal_answers_the_request_and_names_the_missing_scope(
    http: Http, era: Era, url: str, name: str, number: int | str
) -> None:
    refused = await answered(http, era, url, name.replace("add", "secret"), number)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/json")
    assert refused.json() == {
        "jsonrpc": "2.0",
        "id": number,
        "error": {
            "code": -32000,
            "message": "The caller does not have the required scope 'one:secret'.",
            "data": {"type": "forbidden", "scope": "one:secret"},
        },
    }
    assert extract_scope_from_www_auth(refused) == "one:secret"
    assert extract_resource_metadata_from_www_auth(refused) == METADATA + url.removesuffix("/")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("url", "name"), PLACES)
@pytest.mark.slow
async def test_call_within_the_scopes_runs(http: Http, era: Era, url: str, name: str) -> None:
    answer = await answered(http, era, url, name, a=1, b=2)
    message = answer.json() if era == "modern" else wire.messages(answer.text)[-1]
    assert (answer.status_code, message["result"]["structuredContent"]) == (200, {"result": 3})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.slow
async def test_sdk_client_gets_the_missing_scope(http: Http, era: Era, server: str) -> None:
    async with connected(http, era, server) as client:
        error = await error_of(client, "secret" if server else "one_secret")
    assert (error["code"], error["data"]) == (-32000, {"type": "forbidden", "scope": "one:secret"})


@pytest.mark.parametrize("url", ["/one/mcp/call", "/call", "/one/mcp/tools/secret"])
@pytest.mark.slow
async def test_json_api_names_the_same_scope(http: Http, url: str) -> None:
    refused = await http.post(url, json={"server": "one", "tool": "secret"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:multi-mcp:error:forbidden")
    assert (refused.json()["server"], refused.json()["tool"], refused.json()["scope"]) == (
        "one",
        "secret",
        "one:secret",
    )
    assert extract_scope_from_www_auth(refused) == "one:secret"
    assert extract_resource_metadata_from_www_auth(refused) == METADATA + ("" if url == "/call" else "/one/mcp")


async def test_metadata_url_has_the_prefix_of_a_proxy(app: Starlette, key: dict[str, str]) -> None:
    headers = [HOST, (b"authorization", key["authorization"].encode()), (b"content-type", b"application/json")]
    for path in ("/one/mcp/call", "/one/mcp/tools/secret", "/one/mcp"):
        body = json.dumps(wire.request("tools/call", name="secret") | {"tool": "secret"}).encode()
        refused = await ask_behind("/prefix", app, "POST", path, headers, body)
        found = refused.headers["www-authenticate"]
        assert "/prefix/.well-known/oauth-protected-resource/one/mcp" in found


MADE_UP_NAMES = ['se"cret', "se\ncret", "se\\cret", "sécret", "se cret", "x" * 5000, "", "*"]


@pytest.mark.parametrize("name", MADE_UP_NAMES)
async def test_malformed_tool_name_is_not_repeated_in_the_header(
    make_app: MakeApp, tmp_path: Path, key: dict[str, str], name: str
) -> None:
    async with opened(make_app(server_of(add), auth_keys=str(tmp_path / "keys.json"))) as http:
        http.headers.update(key)
        body = wire.request("tools/call", name=name, arguments={})
        native = await http.post("/one/mcp", json=body, headers=wire.BOTH_TYPES)
        plain = await http.post("/one/mcp/call", json={"tool": name})
    for refused in (native, plain):
        scope = f', scope="one:{name}"' if name in ("*", "") else ""
        assert refused.status_code == 403
        assert refused.headers["www-authenticate"].startswith(f'Bearer error="insufficient_scope"{scope}, resource')
        assert len(refused.content) < 1000
