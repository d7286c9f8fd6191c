"""The OpenAPI document: it is valid and complete, and describes the actual answers."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin

import pytest
from mcp.server.mcpserver import MCPServer
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from tests.conftest import MakeApp
from tests.routes.openapi.document import body_of, check
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parents[2]
ALL = {"servers_dir": (shipped(), str(TESTS / "fuzz" / "servers"))}
ODD_URL = "/odd/mcp/tools/path%2Fwith%20a%20%7Bname%7D.of-its%20own"


@pytest.mark.slow
async def test_document_is_valid(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),))) as client:
        answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(answer.json()).iter_errors()] == []


@pytest.mark.slow
async def test_document_without_servers_or_tools_is_valid(make_app: MakeApp, servers_dir: Path) -> None:
    async with opened(make_app()) as client:
        empty = (await client.get("/openapi.json")).json()
    async with opened(make_app(MCPServer("bare"))) as client:
        bare = (await client.get("/bare/openapi.json")).json()
    assert [*empty["paths"]] == ["/tools", "/call", "/health", "/livez", "/readyz"]
    assert bare["paths"] == {}
    for document in (empty, bare):
        assert [*OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.slow
async def test_answers_match_the_document(make_app: MakeApp) -> None:
    json_type = {"content-type": "application/json"}
    async with opened(make_app(**ALL, max_body=1000)) as client:
        document = (await client.get("/openapi.json")).json()
        for url in (
            "/tools",
            "/tools?format=openai",
            "/tools?format=x",
            "/odd/mcp/tools",
            "/odd/mcp/health",
            "/health",
            "/livez",
            "/readyz",
        ):
            check(document, await client.get(url), url.partition("?")[0])
        assert [path for path in document["paths"] if path.startswith(ODD_URL)] == [ODD_URL]
        check(document, await client.get(ODD_URL))
        check(document, await client.post(ODD_URL, json={"x": 1}))
        check(document, await client.post("/odd/mcp/tools/asking", json={"what": "go"}))
        check(document, await client.post("/odd/mcp/tools/choosy", json={"even": 1}))
        check(document, await client.post("/odd/mcp/tools/pictured", json={}))
        for url in ("/call", "/odd/mcp/call", "/odd/mcp/tools/planted"):
            check(document, await client.post(url, json={"tool": "doubled", "arguments": {}, "server": "odd"}))
            check(document, await client.post(url, json={"tool": "none", "server": "odd"}))
            check(document, await client.post(url, content=b"{", headers=json_type))
            check(document, await client.post(url, content=b"{}", headers={**json_type, "accept": "text/html"}))
            check(document, await client.post(url, content=b"{}", headers={"content-type": "text/plain"}))
            check(document, await client.post(url, json={"tool": "x" * 2000}))
            check(document, await client.post(url, json={}, headers={"host": "elsewhere"}))
            check(document, await client.post(url, json={}, headers={"origin": "http://elsewhere"}))


@pytest.mark.parametrize("path", ["/openapi.json", "/math/openapi.json"])
@pytest.mark.slow
async def test_server_url_is_relative_to_the_document(make_app: MakeApp, path: str) -> None:
    async with opened(make_app(**ALL)) as client:
        (server,) = (await client.get(path)).json()["servers"]
    assert ":" not in server["url"]
    for prefix in ("", "/behind/a/proxy"):
        base = urljoin(f"http://localhost{prefix}{path}", server["url"])
        assert base.rstrip("/") == f"http://localhost{prefix}{path.removesuffix('/openapi.json')}"


@pytest.mark.parametrize("path", ["/openapi.json", "/one/openapi.json"])
def test_known_prefix_is_the_server_url(make_app: MakeApp, path: str) -> None:
    with TestClient(make_app(MCPServer("one")), base_url="http://localhost", root_path="/prefix") as client:
        document = client.get(f"/prefix{path}").json()
    assert [server["url"] for server in document["servers"]] == [f"/prefix{path.removesuffix('/openapi.json')}"]


@pytest.mark.parametrize("path", ["/openapi.json", "/one/openapi.json"])
async def test_document_is_304_until_a_tool_is_added(make_app: MakeApp, path: str) -> None:
    server = MCPServer("one")
    server.add_tool(lambda: None, name="first")
    async with opened(make_app(server)) as client:
        known = {"if-none-match": (await client.get(path)).headers["etag"]}
        same = await client.get(path, headers=known)
        server.add_tool(lambda: None, name="second")
        changed = await client.get(path, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert [*changed.json()["paths"]][1].endswith("/mcp/tools/second")


@pytest.mark.slow
async def test_example_of_a_call_is_answered(make_app: MakeApp) -> None:
    async with opened(make_app(**ALL)) as client:
        document = (await client.get("/openapi.json")).json()
        for path in ("/call", "/echo/mcp/call", "/odd/mcp/call"):
            example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
            body_of(document, path).validate(example)
            assert (await client.post(path, json=example)).status_code == 200
