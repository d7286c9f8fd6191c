"""The index at `/`: JSON for programs, a page for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import httpx2
import pytest

from gateway.servers.registry import Registry
from tests.conftest import MakeApp, server_of
from tests.routes.raw import HOST, ask_behind
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def nothing() -> None: ...


@pytest.mark.slow
async def test_json_index_has_the_urls_of_every_server(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/")).json()
    assert [server["server"] for server in found["servers"]] == ["echo", "math", "moody"]
    assert found["servers"][1] == {
        "server": "math",
        "status": "ok",
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
            if name not in ("server", "status"):
                assert (await client.get(url)).status_code != 404, url


@pytest.mark.parametrize("url", ["/math", "/math/"])
async def test_json_of_a_server_is_its_entry_in_the_index(client: httpx2.AsyncClient, url: str) -> None:
    entry = (await client.get("/")).json()["servers"][1]
    assert (await client.get(url)).json() == entry


async def test_name_of_no_server_is_404_with_the_nearest_name(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/maths")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-server")
    assert answer.json()["detail"] == "There is no server 'maths'. Did you mean 'math'?"
    for url in ("/favicon.ico", "/metrics", "/admin"):  # no server may have such a name
        assert (await client.get(url)).json()["type"] == "urn:multi-mcp:error:not-found"


async def test_server_that_failed_is_listed_with_its_status(make_app: MakeApp) -> None:
    going = anyio.Event()

    @asynccontextmanager
    async def ends(_: object) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fails)
            yield

    async def fails() -> None:
        await going.wait()
        raise RuntimeError("SECRET")

    app = make_app(server_of(nothing), server_of(nothing, name="bad", lifespan=ends))
    registry: Registry = app.state.registry
    async with opened(app) as http:
        going.set()
        while not registry.failed():
            await anyio.lowlevel.checkpoint()
        index, own = (await http.get("/")), (await http.get("/bad"))
        page = await http.get("/bad/", headers={"accept": BROWSER})
    assert [(each["server"], each["status"]) for each in index.json()["servers"]] == [("one", "ok"), ("bad", "failed")]
    assert own.json() == index.json()["servers"][1]
    assert (own.status_code, page.status_code) == (200, 200)
    assert "SECRET" not in index.text + own.text


async def test_urls_in_the_index_have_the_prefix_of_a_proxy(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),))
    found = (await ask_behind("/prefix", app, "GET", "/", [HOST])).document
    [_, math] = servers = found.pop("servers")
    urls = [url for server in servers for name, url in server.items() if name not in ("server", "status")]
    assert all(url.startswith("/prefix/") for url in [*urls, *found.values()])
    assert (await ask_behind("/prefix", app, "GET", "/math", [HOST])).document == math
