"""The pages are open when authentication is on: they name nothing, and what they show needs a key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.naming import RESERVED
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.pages.test_pages import BROWSER, FILES, HTML, PAGES
from tests.routes.raw import ask
from tests.transport import opened

pytestmark = pytest.mark.anyio


def secret_tool() -> None: ...


@pytest.mark.parametrize("url", [*PAGES, *FILES, "/unknown", "/unknown/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_page_is_open_and_the_same_for_every_name_if_authentication_is_on(
    make_app: MakeApp, keys: Path, key: str, method: str, url: str
) -> None:
    without = make_app(server_of(secret_tool, name="math"))
    async with opened(make_app(server_of(secret_tool, name="math"), auth_keys=str(keys))) as http:
        answers = [await http.request(method, url, headers={**HTML, **sent}) for sent in ({}, bearer("wrong"))]
    async with opened(without) as http:
        known = await http.request(method, url.replace("unknown", "math"), headers=HTML)
    for answer in answers:
        assert (answer.status_code, answer.content) == (200, known.content)
        assert {**answer.headers, "x-request-id": ""} == {**known.headers, "x-request-id": ""}
        assert "math" not in answer.text


@pytest.mark.parametrize("url", ["/", "/docs", "/math", "/math/", "/unknown"])
@pytest.mark.parametrize("headers", [{}, {"accept": "application/json"}, {"accept": "*/*"}])
async def test_client_that_wants_no_html_gets_401_as_ever(
    make_app: MakeApp, keys: Path, key: str, url: str, headers: Mapping[str, str]
) -> None:
    async with opened(make_app(server_of(secret_tool, name="math"), auth_keys=str(keys))) as http:
        answer = await http.get(url, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:multi-mcp:error:unauthenticated")


@pytest.mark.parametrize(
    "url",
    [
        *(f"/{name}" for name in sorted(RESERVED - {"docs", "health", "livez", "readyz"})),
        *("/openapi.json", "/math/openapi.json", "/math/mcp", "/math/mcp/tools", "/math/x", "/docs/x", "/favicon.ico"),
        *("/scraped", "//", "/math//", "/m%2Fx", "/%2e%2e"),
    ],
)
@pytest.mark.slow
async def test_every_other_url_is_401_for_a_browser_too(make_app: MakeApp, keys: Path, key: str, url: str) -> None:
    app = make_app(server_of(secret_tool, name="math"), auth_keys=str(keys), metrics="/scraped")
    answer = await ask(app, "GET", url, [(b"host", b"localhost"), (b"accept", BROWSER.encode())])
    assert answer.status == 401


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_only_reading_a_page_is_open(make_app: MakeApp, keys: Path, key: str, method: str, url: str) -> None:
    async with opened(make_app(server_of(secret_tool, name="math"), auth_keys=str(keys))) as http:
        assert (await http.request(method, url, headers=HTML)).status_code == 401


@pytest.mark.slow
async def test_page_is_refused_for_a_foreign_host_and_origin(make_app: MakeApp, keys: Path, key: str) -> None:
    async with opened(make_app(MCPServer("math"), auth_keys=str(keys))) as http:
        assert (await http.get("/", headers={**HTML, "host": "evil.example"})).status_code == 421
        assert (await http.get("/", headers={**HTML, "origin": "https://evil.example"})).status_code == 403


async def test_opening_a_page_is_no_refusal_in_the_log(
    make_app: MakeApp, keys: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.telemetry.refusals")
    async with opened(make_app(MCPServer("math"), auth_keys=str(keys))) as http:
        await http.get("/", headers=HTML)
        assert caplog.messages == []
        await http.get("/")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("url", [*PAGES, *FILES])
async def test_page_is_open_with_an_issuer_of_tokens_too(make_app: MakeApp, url: str) -> None:
    issuer = {"auth_issuer": "https://id.example", "auth_audience": "https://tools.example"}
    async with opened(make_app(MCPServer("math"), **issuer)) as http:
        assert (await http.get(url, headers=HTML)).status_code == 200
        assert (await http.get("/openapi.json", headers=HTML)).status_code == 401
