"""A wrong method is 405, and `Allow` names every right one."""

from __future__ import annotations

import httpx2
import pytest

pytestmark = pytest.mark.anyio

ALLOWED = {
    "/": "GET, HEAD",
    "/tools": "GET, HEAD",
    "/health": "GET, HEAD",
    "/call": "POST",
    "/math/mcp/tools": "GET, HEAD",
    "/math/mcp/tools/add_tool": "GET, HEAD, POST",
    "/math/mcp/tools/nothing": "GET, HEAD, POST",
    "/math/mcp/call": "POST",
    "/math/mcp/health": "GET, HEAD",
    "/math/openapi.json": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/docs": "GET, HEAD",
}
NATIVE = ["/mcp", "/mcp/", "/math/mcp", "/math/mcp/"]


@pytest.mark.parametrize("url", ALLOWED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
async def test_a_wrong_method_of_a_json_url_is_405(client: httpx2.AsyncClient, url: str, method: str) -> None:
    if method in ALLOWED[url]:
        return
    answer = await client.request(method, url)
    assert answer.status_code == 405
    assert ", ".join(sorted(answer.headers["allow"].split(", "))) == ALLOWED[url]
    if method != "HEAD":
        assert answer.json()["type"] == "urn:multi-mcp:error:method-not-allowed"
        assert answer.json()["detail"] == f"{method} {url}: method not allowed."


@pytest.mark.parametrize("url", NATIVE)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE"])
async def test_a_wrong_method_of_a_native_url_is_405(client: httpx2.AsyncClient, url: str, method: str) -> None:
    answer = await client.request(method, url)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST", "DELETE"}


async def test_head_is_answered_as_get(client: httpx2.AsyncClient) -> None:
    head = await client.head("/math/mcp/tools/add_tool")
    get = await client.get("/math/mcp/tools/add_tool")
    assert (head.status_code, head.headers["etag"]) == (200, get.headers["etag"])
