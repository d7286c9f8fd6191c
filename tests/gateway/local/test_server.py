"""A local server: the names of its tools, its health, the request of a call, prompts and resources."""

from __future__ import annotations

import pytest
from mcp.server.mcpserver import Context, MCPServer

from tests.clients import connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def say_tool() -> str:
    return "with the suffix"


async def say() -> str:
    return "without it"


@pytest.mark.slow
async def test_suffix_of_a_tool_name_is_optional(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(say_tool))) as client:
        for tool in ("say", "say_tool"):
            assert (await post(client, tool)).json() == {"result": "with the suffix"}
            assert (await client.post(f"/one/mcp/tools/{tool}", json={})).json() == {"result": "with the suffix"}
        unknown = await post(client, "say_tol")
    assert unknown.json()["detail"] == "Server 'one' has no tool 'say_tol'. Did you mean 'say_tool'?"


async def test_exact_name_takes_precedence_over_the_name_with_the_suffix(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(say, say_tool))) as client:
        assert (await post(client, "say")).json() == {"result": "without it"}
        assert (await post(client, "say_tool")).json() == {"result": "with the suffix"}


@pytest.mark.slow
async def test_health_counts_the_tools_and_the_sessions_of_a_server(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(say, say_tool), server_of(name="empty"))) as client:
        assert (await client.get("/empty/mcp/health")).json() == {
            "status": "ok",
            "server": "empty",
            "tools": 0,
            "sessions": 0,
        }
        async with connected(client, "legacy"), connected(client, "modern"):
            status = (await client.get("/one/mcp/health")).json()
    assert (status["tools"], status["sessions"]) == (2, 1)


@pytest.mark.slow
async def test_tool_can_read_the_headers_of_its_request(make_app: MakeApp) -> None:
    async def header(ctx: Context) -> str | None:
        return (ctx.headers or {}).get("x-mine")

    async with opened(make_app(server_of(header))) as client:
        client.headers["x-mine"] = "yes"
        assert (await post(client, "header")).json() == {"result": "yes"}
        assert (await client.post("/one/mcp/tools/header", json={})).json() == {"result": "yes"}
        async with connected(client, "modern") as mcp:
            assert (await mcp.call_tool("header")).structured_content == {"result": "yes"}


async def test_servers_of_one_app_do_not_share_tools(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(say), server_of(say_tool, name="two"))) as client:
        assert (await post(client, "say_tool")).status_code == 404
        assert (await post(client, "say", server="two")).json() == {"result": "with the suffix"}


@pytest.mark.slow
async def test_server_without_tools_serves_prompts_and_resources(make_app: MakeApp) -> None:
    mcp: MCPServer[None] = MCPServer("one")

    @mcp.prompt()
    def greet() -> str:
        return "Hello"

    @mcp.resource("note://a")
    def note() -> str:
        return "A note"

    async with opened(make_app(mcp)) as client, connected(client, "modern") as own:
        assert (await client.get("/one/mcp/tools")).json() == {"server": "one", "tools": []}
        assert [prompt.name for prompt in (await own.list_prompts()).prompts] == ["greet"]
        assert (await own.read_resource("note://a")).contents[0].model_dump()["text"] == "A note"
