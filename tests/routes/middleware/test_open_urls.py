"""URLs that are open or closed without a credential when authentication is on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.raw import ask, ask_behind
from tests.transport import opened

pytestmark = pytest.mark.anyio

CLOSED = [
    ("GET", "/"),
    ("GET", "/tools"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("POST", "/call"),
    ("OPTIONS", "/call"),
    ("POST", "/mcp"),
    ("POST", "/mcp/"),
    ("GET", "/one/mcp"),
    ("POST", "/one/mcp"),
    ("DELETE", "/one/mcp"),
    ("POST", "/one/mcp/call"),
    ("GET", "/one/mcp/tools"),
    ("POST", "/one/mcp/tools/who"),
    ("GET", "/one/openapi.json"),
    ("GET", "/nothing"),
    ("GET", "/nothing/mcp"),
    ("GET", "/one/mcp/tools/health"),
    ("GET", "/one/x/mcp/health"),
    ("GET", "/health//"),
    ("GET", "/tools/"),
    ("POST", "/call/"),
    ("POST", "/one/mcp/call/"),
    ("GET", "/one/mcp/tools/"),
    ("GET", "/health\n"),
    ("GET", "//health"),
    ("GET", "/.well-known/oauth-protected-resources"),
    ("GET", "/metrics"),
]
OPEN = [
    "/health",
    "/livez",
    "/readyz",
    "/one/mcp/health",
    "/health/",
    "/one/mcp/health/",
    "/.well-known/oauth-protected-resource",
]


async def who() -> None:
    """Never runs."""


@pytest.mark.parametrize(("method", "url"), CLOSED)
async def test_closed_url_needs_a_credential(make_app: MakeApp, keys: Path, key: str, method: str, url: str) -> None:
    answer = await ask(make_app(server_of(who), auth_keys=str(keys)), method, url)
    assert (answer.status, answer.document["type"]) == (401, "urn:multi-mcp:error:unauthenticated")
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource')
    assert "error" not in challenge


@pytest.mark.parametrize("url", OPEN)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.slow
async def test_open_url_is_open_with_a_wrong_key_too(
    make_app: MakeApp, keys: Path, key: str, method: str, url: str
) -> None:
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        for sent in ({}, bearer("wrong"), {"x-api-key": "wrong"}, {**bearer(key), "x-api-key": key}):
            assert (await http.request(method, url, headers=sent)).status_code == 200


@pytest.mark.slow
async def test_health_shows_only_the_status_without_a_credential(make_app: MakeApp, keys: Path, key: str) -> None:
    async with opened(make_app(server_of(who), auth_keys=str(keys))) as http:
        for url in ("/health", "/one/mcp/health"):
            assert (await http.get(url)).json() == {"status": "ok"}
            assert (await http.get(url, headers=bearer("wrong"))).json() == {"status": "ok"}
            assert (await http.get(url, headers=bearer(key))).json()["tools"] == 1


async def test_open_urls_are_the_same_behind_a_prefix(make_app: MakeApp, keys: Path, key: str) -> None:
    app = make_app(server_of(who), auth_keys=str(keys))
    for url in set(OPEN) - {"/readyz"}:
        assert (await ask_behind("/ai", app, "GET", url)).status == 200
    assert (await ask_behind("/health", app, "GET", "/tools")).status == 401
    assert (await ask_behind("/health", app, "GET", "")).status == 401
    assert (await ask_behind("", app, "GET", "/ai/health")).status == 401


@pytest.mark.slow
async def test_metrics_are_open_if_the_setting_says_so(make_app: MakeApp, keys: Path, key: str) -> None:
    closed = make_app(server_of(who), auth_keys=str(keys), metrics="/m")
    assert (await ask(closed, "GET", "/m")).status == 401
    open_metrics = make_app(server_of(who), auth_keys=str(keys), metrics="/m", metrics_open=True)
    assert [(await ask(open_metrics, "GET", path)).status == 401 for path in ("/m", "/m/x", "/n")] == [
        False,
        True,
        True,
    ]
