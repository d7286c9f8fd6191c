"""Lists of tools and single tools: their content, and 304 for unchanged ones."""

from __future__ import annotations

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.conftest import MakeApp
from tests.routes.raw import HOST, ask_behind
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio

FORMATTED = ["/tools?format=openai", "/math/mcp/tools?format=gemini"]
URLS = ["/tools", "/math/mcp/tools", "/math/mcp/tools/add_tool", *FORMATTED]


@pytest.mark.slow
async def test_server_lists_its_tools(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/math/mcp/tools")).json()
    assert listed["server"] == "math"
    assert [(tool["name"], list(tool["inputSchema"]["properties"])) for tool in listed["tools"]] == [
        ("add_tool", ["a", "b"]),
        ("multiply_tool", ["a", "b"]),
    ]
    assert listed["tools"][0]["endpoint"] == "/math/mcp/tools/add_tool"
    assert listed["tools"][0]["description"].startswith("Add two numbers.")
    assert listed["tools"][0]["outputSchema"]["required"] == ["result"]


async def test_list_over_all_servers_names_each_server(client: httpx2.AsyncClient) -> None:
    tools = (await client.get("/tools")).json()["tools"]
    assert [(tool["server"], tool["name"]) for tool in tools][:4] == [
        ("echo", "echo_tool"),
        ("echo", "reverse_tool"),
        ("math", "add_tool"),
        ("math", "multiply_tool"),
    ]
    for server in ("echo", "math", "moody"):
        own = (await client.get(f"/{server}/mcp/tools")).json()["tools"]
        assert [{"server": server, **tool} for tool in own] == [tool for tool in tools if tool["server"] == server]


@pytest.mark.parametrize("name", ["add_tool", "add"])
async def test_single_tool_equals_its_entry_in_the_list(client: httpx2.AsyncClient, name: str) -> None:
    listed = (await client.get("/math/mcp/tools")).json()["tools"][0]
    assert (await client.get(f"/math/mcp/tools/{name}")).json() == {"server": "math", **listed}


async def test_unknown_tool_is_404_and_the_nearest_one_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/math/mcp/tools/addd_tool")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-tool")
    assert "Did you mean 'add_tool'" in answer.json()["detail"]


async def test_title_annotations_and_docstring_of_a_tool_are_shown(make_app: MakeApp) -> None:
    server = MCPServer("some")
    server.add_tool(nothing, title="Do nothing", annotations=ToolAnnotations(read_only_hint=True))
    async with opened(make_app(server)) as client:
        tool = (await client.get("/some/mcp/tools/nothing")).json()
    assert (tool["title"], tool["annotations"]) == ("Do nothing", {"readOnlyHint": True})
    assert (tool["description"], tool["inputSchema"]["properties"]) == ("Does nothing.", {})


async def nothing() -> None:
    """Does nothing."""


async def test_tool_added_while_the_server_runs_is_listed(make_app: MakeApp) -> None:
    server = MCPServer("some")
    async with opened(make_app(server)) as client:
        empty = await client.get("/some/mcp/tools")
        server.add_tool(nothing)
        full = await client.get("/some/mcp/tools")
    assert (empty.json()["tools"], [tool["name"] for tool in full.json()["tools"]]) == ([], ["nothing"])
    assert empty.headers["etag"] != full.headers["etag"]


@pytest.mark.parametrize("url", URLS)
async def test_unchanged_list_is_304(client: httpx2.AsyncClient, url: str) -> None:
    first = await client.get(url)
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await client.get(url, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == first.headers["cache-control"] == "no-cache"
    assert "content-type" not in again.headers
    assert "content-length" not in again.headers


@pytest.mark.parametrize("known", ['"other"', "", "other", 'W/"other"'])
async def test_list_is_sent_if_the_etag_is_another(client: httpx2.AsyncClient, known: str) -> None:
    assert (await client.get("/tools", headers={"if-none-match": known})).status_code == 200


async def test_each_list_has_a_different_etag(client: httpx2.AsyncClient) -> None:
    tags = {(await client.get(url)).headers["etag"] for url in URLS}
    assert len(tags) == len(URLS)


@pytest.mark.slow
async def test_endpoints_have_the_prefix_of_a_proxy(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),))
    for url in ("/tools", "/math/mcp/tools"):
        tools = (await ask_behind("/prefix", app, "GET", url, [HOST])).document["tools"]
        assert tools[-1]["endpoint"] == "/prefix/math/mcp/tools/multiply_tool"


@pytest.mark.parametrize("url", ["/tools", "/math/mcp/tools", "/math/mcp/tools/add_tool"])
async def test_head_request_gets_the_headers_of_get(client: httpx2.AsyncClient, url: str) -> None:
    head, get = await client.head(url), await client.get(url)
    assert head.status_code == 200
    assert {**head.headers, "x-request-id": ""} == {**get.headers, "x-request-id": ""}
