"""Headers of a native call that repeat its arguments: those of the version that runs are checked, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer
from pydantic import Field
from starlette.applications import Starlette

from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp
from tests.gateway.upstream.versions.serving import described, written
from tests.gateway.versions.searching import wire_result
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
MISMATCH = -32020
Make = Callable[..., Starlette]


async def old(place: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Place-1"})]) -> str:
    return "1.0.0"


async def new(place: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Place-2"})]) -> str:
    return "2.0.0"


@pytest.fixture(params=["local", "elsewhere"])
def make(request: pytest.FixtureRequest, make_app: MakeApp, tmp_path: Path) -> Make:
    """Returns the maker of an application with two versions, each of which repeats `place` in a header of its own."""
    if request.param == "elsewhere":
        how = {"1.0.0": "headers", "2.0.0": "headers"}
        file = written(tmp_path, described("1.0.0", "2.0.0", how=how))
        return lambda **settings: make_app(servers_file=file, servers=(), **settings)
    server: MCPServer[Any] = MCPServer("one")
    for function, name, version in ((old, "search", "1.0.0"), (new, "search_new", "2.0.0")):
        server.add_tool(function, name=name, meta={"version": version, "versions_of": "search"})
    return lambda **settings: make_app(server, **settings)


async def called(
    http: httpx2.AsyncClient, url: str, header: str, tool: str = "search", **sent: Any
) -> tuple[int, int | str]:
    """Returns the status, and the first number of the version that ran or the code of the error."""
    meta, key = sent.get("meta", {}), sent.get("key", {})
    name = tool if url == "/one/mcp" else f"one_{tool}"
    headers, body = wire.modern("tools/call", name=name, arguments={"place": "Rome"})
    body["params"]["_meta"] |= meta
    own = {f"mcp-param-{header}": "Rome"} if header else {}
    answer = await http.post(url, json=body, headers={**headers, **own, **key})
    if "error" in answer.text:
        return answer.status_code, answer.json()["error"]["code"]
    return answer.status_code, wire_result(answer)["structuredContent"]["result"][0]


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_headers_are_those_of_the_version_that_is_asked_for(url: str, make: Make) -> None:
    async with opened(make()) as http:
        for meta, tool, version in (
            ({}, "search", "2"),
            ({"dev.multi-mcp/version": "1"}, "search", "1"),
            ({"fastmcp": {"version": "1.0.0"}}, "search", "1"),
            ({}, "search@1", "1"),
            ({"dev.multi-mcp/version": "2"}, "search", "2"),
        ):
            other = "1" if version == "2" else "2"
            assert await called(http, url, f"place-{version}", tool, meta=meta) == (200, version)
            for header in (f"place-{other}", ""):
                assert await called(http, url, header, tool, meta=meta) == (400, MISMATCH)


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_headers_are_those_of_the_version_that_the_route_gives(url: str, make: Make) -> None:
    async with opened(make(tool_routes="one:search=1:1,2:0")) as http:
        assert await called(http, url, "place-1") == (200, "1")
        assert await called(http, url, "place-2") == (400, MISMATCH)


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_headers_are_those_of_the_version_of_the_key(url: str, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    pinned = bearer(add_key(path, "pinned", "one:*", pins=["one:search=1"]))
    first = bearer(add_key(path, "first", "one:search@1"))
    async with opened(make(auth_keys=str(path))) as http:
        for key in (pinned, first):
            assert await called(http, url, "place-1", key=key) == (200, "1")
            assert await called(http, url, "place-2", key=key) == (400, MISMATCH)
        meta = {"dev.multi-mcp/version": "2"}
        status, code = await called(http, url, "place-1", key=first, meta=meta)
        assert (status, code) != (400, MISMATCH), "whoever may not call a version learns nothing of its headers"
        assert await called(http, url, "place-2", key=first, meta=meta) == (status, code)


async def test_own_name_of_a_version_tells_nothing_of_its_headers(make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("one")
    server.add_tool(new, name="hidden", meta={"version": "2.0.0", "versions_of": "search"})
    async with opened(make_app(server)) as http:
        headers, body = wire.modern("tools/call", name="hidden", arguments={"place": "Rome"})
        answer = await http.post("/one/mcp", json=body, headers=headers)
    assert "Unknown tool: hidden" in answer.text


async def test_session_sends_no_such_headers(make: Make) -> None:
    async with opened(make()) as http:
        session = await open_session(http, "/one/mcp")
        body = wire.request("tools/call", 2, name="search", arguments={"place": "Rome"})
        answer = await http.post("/one/mcp", json=body, headers=session)
    assert wire.messages(answer.text)[-1]["result"]["structuredContent"]["result"][0] == "2"
