"""A tool with versions under each of its names: with and without suffix, with and without its server, with a pin."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.gateway.versions.searching import wire_result
from tests.sockets import connected as connected_socket
from tests.transport import opened

pytestmark = pytest.mark.anyio
META = "dev.multi-mcp/version"


def suffixed() -> MCPServer[Any]:
    """Returns a server whose tool `search_tool` has two versions."""
    server: MCPServer[Any] = MCPServer("one")
    for version in ("1.0.0", "2.0.0"):

        async def search(which: str = version) -> str:
            return which

        server.add_tool(search, name=f"v{version}", meta={"version": version, "versions_of": "search_tool"})
    return server


@pytest.mark.parametrize("tool", ["search_tool", "search", "one_search_tool"])
async def test_json_finds_it_by_each_name(tool: str, make_app: MakeApp) -> None:
    app = make_app(suffixed(), server_of(name="two"))
    async with opened(app) as http, connected_socket(app, "/ws") as socket:
        urls = ["/call"] if tool.startswith("one") else ["/call", "/one/mcp/call"]
        for sent, version in (
            ({"tool": tool}, "2.0.0"),
            ({"tool": tool, "version": "1"}, "1.0.0"),
            ({"tool": f"{tool}@1"}, "1.0.0"),
            ({"tool": f"{tool}@^1.0", "version": "^1.0"}, "1.0.0"),
        ):
            for url in urls:
                answer = await http.post(url, json=sent)
                assert (answer.json(), answer.headers["tool-version"]) == ({"result": version}, version)
            frame = await socket.ask({"id": 1, **sent})
            assert (frame["result"], frame["version"]) == (version, version)
        for url in urls:
            unknown = await http.post(url, json={"tool": f"{tool}@9"})
            assert unknown.json()["type"] == "urn:multi-mcp:error:unknown-version"


async def test_url_of_the_tool_has_no_need_of_the_suffix(make_app: MakeApp) -> None:
    async with opened(make_app(suffixed())) as http:
        for name, version in (("search", "2.0.0"), ("search_tool", "2.0.0"), ("search@1", "1.0.0")):
            url = f"/one/mcp/tools/{name}"
            assert (await http.post(url, json={})).json() == {"result": version}
            shown = await http.get(url)
            assert (shown.json()["name"], shown.headers["tool-version"]) == ("search_tool", version)


async def test_graphql_leaves_the_suffix_off_and_has_a_field_for_each_version(make_app: MakeApp) -> None:
    async with opened(make_app(suffixed(), graphql=GRAPHQL)) as http:
        query = "mutation { one_search one_search_v1_0_0 one_search_v2_0_0 }"
        found = (await http.post(GRAPHQL, json={"query": query})).json()["data"]
    assert found == {"one_search": "2.0.0", "one_search_v1_0_0": "1.0.0", "one_search_v2_0_0": "2.0.0"}


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_native_clients_use_the_listed_name_with_or_without_a_version(url: str, make_app: MakeApp) -> None:
    async with opened(make_app(suffixed(), server_of(name="two"))) as http:
        session = await open_session(http, url)
        [tool] = (await modern(http, url, "tools/list"))["tools"]
        assert tool["name"] == ("search_tool" if url == "/one/mcp" else "one_search_tool")
        for name, meta, version in (
            (tool["name"], {}, "2.0.0"),
            (tool["name"], {META: "1"}, "1.0.0"),
            (f"{tool['name']}@1", {}, "1.0.0"),
        ):
            body = wire.request("tools/call", 2, name=name, arguments={}, _meta=meta)
            legacy = wire.messages((await http.post(url, json=body, headers=session)).text)[-1]["result"]
            for result in (legacy, await modern(http, url, "tools/call", meta, name=name, arguments={})):
                assert (result["structuredContent"], result["_meta"][META]) == ({"result": version}, version)


async def modern(
    http: httpx2.AsyncClient, url: str, method: str, meta: dict[str, Any] | None = None, **params: Any
) -> dict[str, Any]:
    headers, body = wire.modern(method, **params)
    body["params"]["_meta"] |= meta or {}
    return wire_result(await http.post(url, json=body, headers=headers))
