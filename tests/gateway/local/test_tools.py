"""Lists of a local server's tools, and their changes while it runs."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import Icon, ToolAnnotations

from tests.clients import connected, post
from tests.conftest import MakeApp, server_of
from tests.contract.ways import SERVERS
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def echo(text: str) -> str:
    return text


@pytest.mark.slow
async def test_json_list_of_tools_equals_the_native_list(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(SERVERS,))) as client, connected(client, "modern", "kinds") as mcp:
        listed = (await client.get("/kinds/mcp/tools")).json()["tools"]
        native = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in await all_tools(mcp)]
    assert [{key: value for key, value in tool.items() if key != "endpoint"} for tool in listed] == native


async def all_tools(mcp: Any) -> list[Any]:
    tools: list[Any] = (await mcp.list_tools()).tools
    return tools


async def test_list_has_every_declared_field_of_a_tool(make_app: MakeApp) -> None:
    mcp: MCPServer[None] = MCPServer("one")
    mcp.add_tool(
        echo,
        name="say",
        title="Say it",
        description="Say the text back.",
        annotations=ToolAnnotations(read_only_hint=True, title="Say"),
        icons=[Icon(src="https://example.com/icon.png", mime_type="image/png")],
        meta={"example/cost": 1},
    )
    async with opened(make_app(mcp)) as client:
        [tool] = (await client.get("/one/mcp/tools")).json()["tools"]
    text = {"title": "Text", "type": "string"}
    assert tool == {
        "name": "say",
        "title": "Say it",
        "description": "Say the text back.",
        "inputSchema": {
            "properties": {"text": text},
            "required": ["text"],
            "title": "echoArguments",
            "type": "object",
        },
        "outputSchema": {
            "properties": {"result": {"title": "Result", "type": "string"}},
            "required": ["result"],
            "title": "echoOutput",
            "type": "object",
        },
        "annotations": {"title": "Say", "readOnlyHint": True},
        "icons": [{"src": "https://example.com/icon.png", "mimeType": "image/png"}],
        "_meta": {"example/cost": 1},
        "endpoint": "/one/mcp/tools/say",
    }


async def test_list_is_the_same_object_until_a_tool_is_added_or_removed(make_app: MakeApp) -> None:
    mcp = server_of(echo)
    app = make_app(mcp)
    async with opened(app) as client:
        server = app.state.registry["one"]
        first = server.tools()
        await post(client, "echo", {"text": "a"})
        assert server.tools() is first
        mcp.add_tool(echo, name="other")
        second = server.tools()
        assert [tool["name"] for tool in second] == ["echo", "other"]
        assert server.tools() is second
        mcp.remove_tool("echo")
        assert [tool["name"] for tool in server.tools()] == ["other"]


async def test_tool_may_be_replaced_by_another_with_the_same_name(make_app: MakeApp) -> None:
    async def other(text: str, times: int = 2) -> str:
        return text * times

    mcp = server_of(echo)
    async with opened(make_app(mcp)) as client:
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "a"}
        mcp.remove_tool("echo")
        assert (await post(client, "echo", {"text": "a"})).status_code == 404
        mcp.add_tool(other, name="echo")
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "aa"}
        [tool] = (await client.get("/one/mcp/tools")).json()["tools"]
        assert [*tool["inputSchema"]["properties"]] == ["text", "times"]


async def test_tool_may_be_called_by_the_name_that_models_see(make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("one")
    server.add_tool(echo, name="say.it")
    async with opened(make_app(server)) as http:
        (shown,) = (await http.get("/one/mcp/tools?format=openai")).json()
        name = shown["function"]["name"]
        assert name != "say.it"
        assert (await post(http, name, {"text": "hi"})).json() == {"result": "hi"}
        assert (await http.post(f"/one/mcp/tools/{name}", json={"text": "hi"})).json() == {"result": "hi"}
        assert (await http.get(f"/one/mcp/tools/{name}")).json()["name"] == "say.it"
