"""Names of tools over all servers, and bare names that only one server has."""

from __future__ import annotations

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.slow


def server(name: str, *tools: str) -> MCPServer[None]:
    mcp: MCPServer[None] = MCPServer(name)
    for tool in tools:
        mcp.add_tool(lambda: f"{name}", name=tool)
    return mcp


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("one_ask", "one"),
        ("two_ask", "two"),
        ("only_tool", "one"),
        ("only", "one"),
        ("ask", "Several servers have a tool 'ask'; ask for one of: one_ask, two_ask."),
        ("nothing_like", "There is no tool 'nothing_like'."),
        ("", "There is no tool ''."),
        ("x" * 5000, f"There is no tool '{'x' * 128}…'."),
    ],
)
async def test_tool_is_found_by_its_name_or_by_a_unique_bare_name(make_app: MakeApp, tool: str, answer: str) -> None:
    async with opened(make_app(server("one", "ask", "only_tool"), server("two", "ask"))) as client:
        got = await client.post("/call", json={"tool": tool})
    assert (got.json().get("result") or got.json()["detail"]).startswith(answer)
    assert got.status_code == (200 if answer in ("one", "two") else 404)


@pytest.mark.anyio
async def test_tool_added_later_is_found_by_its_name(make_app: MakeApp) -> None:
    mcp = server("one", "ask")
    async with opened(make_app(mcp)) as client:
        assert (await client.post("/call", json={"tool": "one_later"})).status_code == 404
        mcp.add_tool(lambda: "later", name="later")
        assert (await client.post("/call", json={"tool": "one_later"})).json() == {"result": "later"}
        mcp.remove_tool("later")
        assert (await client.post("/call", json={"tool": "one_later"})).status_code == 404
