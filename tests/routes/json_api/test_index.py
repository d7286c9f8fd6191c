"""The index at `/`: JSON for programs, a page for browsers."""

from __future__ import annotations

import httpx2
import pytest

from tests.conftest import MakeApp
from tests.routes.raw import HOST, ask_behind
from tests.shipped import shipped

pytestmark = pytest.mark.anyio


async def test_json_index_has_the_urls_of_every_server(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/")).json()
    assert [server["server"] for server in found["servers"]] == ["echo", "math", "moody"]
    assert found["servers"][1] == {
        "server": "math",
        "mcp": "/math/mcp",
        "tools": "/math/mcp/tools",
        "call": "/math/mcp/call",
        "health": "/math/mcp/health",
        "openapi": "/math/openapi.json",
    }
    rest = {key: value for key, value in found.items() if key != "servers"}
    assert rest == {
        "mcp": "/mcp",
        "tools": "/tools",
        "call": "/call",
        "health": "/health",
        "docs": "/docs",
        "openapi": "/openapi.json",
    }


async def test_every_url_in_the_index_exists(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/")).json()
    for urls in (*found.pop("servers"), found):
        for name, url in urls.items():
            if name != "server":
                assert (await client.get(url)).status_code != 404, url


async def test_browser_gets_a_page(client: httpx2.AsyncClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = await client.get("/", headers={"accept": accept})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="/math/mcp/tools">' in page.text
    assert "<code>/math/mcp</code>" in page.text


async def test_urls_in_the_index_have_the_prefix_of_a_proxy(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),))
    found = (await ask_behind("/prefix", app, "GET", "/", [HOST])).document
    urls = [url for server in found.pop("servers") for name, url in server.items() if name != "server"]
    assert all(url.startswith("/prefix/") for url in [*urls, *found.values()])
    page = await ask_behind("/prefix", app, "GET", "/", [HOST, (b"accept", b"text/html")])
    assert b'<a href="/prefix/docs">' in page.body
