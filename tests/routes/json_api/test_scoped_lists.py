"""Lists of servers and tools for callers with scopes, and the cache headers of those lists."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette

from tests import wire
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.routes.openapi.document import check
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient
Headers = dict[str, str]
LISTS = ["/", "/tools", "/tools?format=openai", "/one/mcp/tools", "/openapi.json", "/one/openapi.json"]


async def add(a: int, b: int) -> int:
    return a + b


async def sub(a: int, b: int) -> int:
    return a - b


def served(make_app: MakeApp, **settings: str) -> Starlette:
    prompts: MCPServer[None] = MCPServer("prompts")
    prompts.prompt(name="greet")(lambda: "hello")
    return make_app(server_of(add, sub), server_of(add, name="two"), prompts, **settings)


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Headers]:
    path = tmp_path / "keys.json"
    scopes = {"add": "one:add", "one": "one:*", "prompts": "prompts:*", "no prompt": "prompts:x", "admin": "admin"}
    return {name: bearer(add_key(path, name.replace(" ", "-"), scope)) for name, scope in scopes.items()}


@pytest.fixture
async def http(anyio_backend: str, make_app: MakeApp, tmp_path: Path, keys: dict[str, Headers]) -> AsyncIterator[Http]:
    async with opened(served(make_app, auth_keys=str(tmp_path / "keys.json"))) as client:
        yield client


SERVERS = {"add": ["one"], "one": ["one"], "prompts": ["prompts"], "no prompt": [], "admin": ["one", "two", "prompts"]}


async def test_only_servers_the_caller_may_use_are_listed(http: Http, keys: dict[str, Headers]) -> None:
    for name, expected in SERVERS.items():
        index = (await http.get("/", headers=keys[name])).json()
        assert [server["server"] for server in index["servers"]] == expected
        of_each = {server: (await http.get(f"/{server}", headers=keys[name])) for server in ("one", "two", "prompts")}
        assert [server for server, answer in of_each.items() if answer.status_code == 200] == expected
        health = (await http.get("/health", headers=keys[name])).json()
        assert [server["server"] for server in health["servers"]] == expected
        paths = (await http.get("/openapi.json", headers=keys[name])).json()["paths"]
        assert [path.split("/")[1] for path in paths if path.endswith("/mcp/call")] == expected
        assert '"two"' not in (await http.get("/openapi.json", headers=keys["one"])).text


async def test_server_that_the_caller_may_not_use_is_as_unknown_as_none(http: Http, keys: dict[str, Headers]) -> None:
    for accept in ("application/json", "text/html"):
        headers = {**keys["one"], "accept": accept}
        closed, none = [await http.get(url, headers=headers) for url in ("/two", "/six")]
        assert (closed.status_code, none.status_code) == (404, 404)
    closed, none = [(await http.get(url, headers=keys["one"])).json() for url in ("/two", "/six")]
    assert {**closed, "requestId": ""} == json.loads(json.dumps({**none, "requestId": ""}).replace("six", "two"))


async def test_health_of_a_server_the_caller_may_not_use_has_only_its_status(
    http: Http, keys: dict[str, Headers]
) -> None:
    assert (await http.get("/two/mcp/health", headers=keys["one"])).json() == {"status": "ok"}


async def test_health_counts_what_the_callers_scopes_cover(http: Http, keys: dict[str, Headers]) -> None:
    for url in ("/one/mcp", "/one/mcp", "/two/mcp", "/mcp"):
        await http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **keys["admin"]})
    seen = {name: (await http.get("/one/mcp/health", headers=keys[name])).json() for name in ("add", "one", "admin")}
    all_of_one = {"status": "ok", "server": "one", "tools": 2, "sessions": 2}
    assert seen == {"add": {"status": "ok", "server": "one", "tools": 1}, "one": all_of_one, "admin": all_of_one}
    totals = {name: (await http.get("/health", headers=keys[name])).json() for name in SERVERS}
    assert {name: (total["tools"], total["sessions"]) for name, total in totals.items()} == {
        "add": (1, 0),
        "one": (2, 2),
        "prompts": (0, 0),
        "no prompt": (0, 0),
        "admin": (3, 4),
    }


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "/call", {"server": "tow", "tool": "x"}),
        ("POST", "/tow/mcp/call", {}),
        ("GET", "/tow/mcp/tools", None),
        ("GET", "/tow/openapi.json", None),
    ],
)
async def test_only_visible_names_are_suggested(
    http: Http, keys: dict[str, Headers], method: str, url: str, body: dict[str, str] | None
) -> None:
    for name, is_suggested in (("admin", True), ("one", False)):
        answer = await http.request(method, url, json=body, headers=keys[name])
        assert answer.json()["type"] == "urn:multi-mcp:error:unknown-server"
        assert ("'two'" in answer.json()["detail"]) is is_suggested


@pytest.mark.parametrize("url", LISTS)
async def test_list_is_private_to_its_caller(http: Http, keys: dict[str, Headers], url: str) -> None:
    answer = await http.get(url, headers=keys["admin"])
    assert answer.headers["cache-control"] == "private, no-cache"
    if "etag" not in answer.headers:
        return
    known = {"if-none-match": answer.headers["etag"]}
    again = await http.get(url, headers={**keys["admin"], **known})
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")
    other = await http.get(url, headers={**keys["add"], **known})
    assert (other.status_code, "sub" in other.text) == (200, False)


@pytest.mark.parametrize("url", LISTS)
async def test_without_authentication_a_list_is_the_same_for_all(make_app: MakeApp, url: str) -> None:
    async with opened(served(make_app)) as http:
        assert (await http.get(url)).headers["cache-control"] == "no-cache"


async def test_tool_is_shown_if_it_may_be_called(http: Http, keys: dict[str, Headers]) -> None:
    assert (await http.get("/one/mcp/tools/add", headers=keys["add"])).json()["name"] == "add"
    for name in ("sub", "nothing"):
        refused = await http.get(f"/one/mcp/tools/{name}", headers=keys["add"])
        assert (refused.status_code, refused.json()["scope"]) == (403, f"one:{name}")
    assert (await http.get("/one/mcp/tools/nothing", headers=keys["one"])).status_code == 404


async def test_document_is_made_for_each_kind_of_caller_and_again_when_tools_change(
    make_app: MakeApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    callers = [bearer(add_key(path, f"k{number}", f"one:t{number}")) for number in range(20)]
    server = server_of()
    for number in range(20):
        server.add_tool(add, name=f"t{number}")
    async with opened(make_app(server, auth_keys=str(path))) as http:
        for description in ("Old.", "New."):
            for number, headers in enumerate(callers):
                server.remove_tool(f"t{number}")
                server.add_tool(add, name=f"t{number}", description=description)
                paths = (await http.get("/openapi.json", headers=headers)).json()["paths"]
                [tool] = [operations for url, operations in paths.items() if "/mcp/tools/" in url]
                assert tool["post"]["operationId"] == f"one_t{number}"
                assert tool["post"]["description"] == description


@pytest.mark.parametrize("url", ["/openapi.json", "/one/openapi.json"])
async def test_document_declares_the_credentials(http: Http, keys: dict[str, Headers], url: str) -> None:
    document = (await http.get(url, headers=keys["one"])).json()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    path = next(iter(document["paths"]))
    check(document, await http.post("/one/mcp/tools/add", json={}), path)
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    key = {document["components"]["securitySchemes"]["apiKey"]["name"]: keys["one"]["authorization"].split()[1]}
    assert (await http.get("/one/mcp/tools", headers=key)).status_code == 200


@pytest.mark.parametrize("url", ["/openapi.json", "/one/openapi.json"])
async def test_without_authentication_the_document_declares_no_credentials(make_app: MakeApp, url: str) -> None:
    async with opened(served(make_app)) as http:
        document = (await http.get(url)).json()
    assert not {"security", "securitySchemes"} & {*document, *document["components"]}
