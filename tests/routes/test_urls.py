"""URLs of the application: no redirects, 405 for a wrong method, 404 for an unknown server or URL."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio


ALLOWED = {
    "/": "GET, HEAD",
    "/math": "GET, HEAD",
    "/math/": "GET, HEAD",
    "/tools": "GET, HEAD",
    "/tools/": "GET, HEAD",
    "/health": "GET, HEAD",
    "/livez": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/call": "POST",
    "/math/mcp/tools": "GET, HEAD",
    "/math/mcp/tools/": "GET, HEAD",
    "/math/mcp/tools/add_tool": "GET, HEAD, POST",
    "/math/mcp/tools/nothing": "GET, HEAD, POST",
    "/math/mcp/call": "POST",
    "/math/mcp/call/": "POST",
    "/math/mcp/health": "GET, HEAD",
    "/math/openapi.json": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/docs": "GET, HEAD",
    "/docs/": "GET, HEAD",
    "/docs/page.js": "GET, HEAD",
}
NATIVE = ["/mcp", "/mcp/", "/math/mcp", "/math/mcp/"]


@pytest.mark.parametrize("url", [url for url in ALLOWED if url.endswith(("tools", "call", "health", "add_tool"))])
async def test_json_url_answers_alike_with_and_without_a_trailing_slash(client: httpx2.AsyncClient, url: str) -> None:
    method = "POST" if url.endswith(("call", "add_tool")) else "GET"
    body = {"a": 1, "b": 2} if url.endswith("add_tool") else {"tool": "add_tool", "arguments": {"a": 1, "b": 2}}
    plain, slashed = [await client.request(method, url + end, json=body) for end in ("", "/")]
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.content == slashed.content


async def test_tool_whose_name_ends_in_a_slash_has_its_own_url(make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("one")
    for name in ("a/", "a", "b"):

        async def named(own: str = name) -> str:
            return own

        server.add_tool(named, name)
    async with opened(make_app(server)) as client:
        answers = [(await client.post(f"/one/mcp/tools/{url}")).json() for url in ("a", "a/", "a%2F", "b/", "b//")]
    assert [answer.get("result", answer.get("status")) for answer in answers] == ["a", "a/", "a/", "b", 404]


@pytest.mark.parametrize(
    "url", ["/openapi.json/", "/math/openapi.json/", "/tools//", "//", "/math//", "/math//mcp", "/math/mcp//"]
)
async def test_no_url_redirects(client: httpx2.AsyncClient, url: str) -> None:
    assert (await client.get(f"http://localhost{url}")).status_code == 404


@pytest.mark.parametrize("url", ALLOWED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
async def test_wrong_method_of_a_json_url_is_405(client: httpx2.AsyncClient, url: str, method: str) -> None:
    if method in ALLOWED[url].split(", "):
        return
    answer = await client.request(method, url)
    assert answer.status_code == 405
    assert ", ".join(sorted(answer.headers["allow"].split(", "))) == ALLOWED[url]
    if method != "HEAD":
        assert answer.json()["type"] == "urn:multi-mcp:error:method-not-allowed"
        assert answer.json()["detail"] == f"{method} {url}: method not allowed."


@pytest.mark.parametrize("url", NATIVE)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE"])
async def test_wrong_method_of_a_native_url_is_405(client: httpx2.AsyncClient, url: str, method: str) -> None:
    answer = await client.request(method, url)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST", "DELETE"}


async def test_head_is_answered_like_get(client: httpx2.AsyncClient) -> None:
    head = await client.head("/math/mcp/tools/add_tool")
    get = await client.get("/math/mcp/tools/add_tool")
    assert (head.status_code, head.headers["etag"]) == (200, get.headers["etag"])


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("rest", ["mcp", "mcp/", "mcp/tools", "mcp/call", "mcp/tools/add", "openapi.json"])
async def test_url_of_an_unknown_server_names_the_nearest_one(make_app: MakeApp, method: str, rest: str) -> None:
    server: MCPServer[Any] = MCPServer("weather")
    async with opened(make_app(server)) as client:
        answer = await client.request(method, f"/wether/{rest}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:multi-mcp:error:unknown-server"
    assert answer.json()["detail"] == "There is no server 'wether'. Did you mean 'weather'?"


@pytest.mark.parametrize("path", ["/weather/else", "/else.html", "/else/x", "/tools/x", "/tools/mcp", "/x/y/mcp"])
async def test_any_other_url_is_not_found(make_app: MakeApp, path: str) -> None:
    server: MCPServer[Any] = MCPServer("weather")
    async with opened(make_app(server)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:not-found")


async def test_missing_file_of_the_docs_page_is_not_found(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/docs/openapi.json")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:not-found")
