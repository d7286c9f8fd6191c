"""Fields that the vendor formats omit, and tools that they refuse. `tests/vendors` validates the formats themselves."""

from __future__ import annotations

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def test_each_format_has_the_shape_of_its_vendor(make_app: MakeApp) -> None:
    server = MCPServer("one")
    server.add_tool(lambda: None, name="told", description="Does nothing.")
    schema = {"properties": {}, "title": "<lambda>Arguments", "type": "object"}
    async with opened(make_app(server)) as client:
        openai, anthropic, gemini = [
            (await client.get("/one/mcp/tools", params={"format": name})).json()
            for name in ("openai", "anthropic", "gemini")
        ]
    told = {"name": "told", "description": "Does nothing."}
    assert openai == [{"type": "function", "function": {**told, "parameters": schema}}]
    assert anthropic == [{**told, "input_schema": schema}]
    assert gemini == [{"functionDeclarations": [{**told, "parametersJsonSchema": schema}]}]


@pytest.mark.slow
async def test_description_is_included_if_the_tool_has_one(make_app: MakeApp) -> None:
    server = MCPServer("one")
    server.add_tool(lambda: None, name="silent")
    server.add_tool(lambda: None, name="told", description="Does nothing.")
    async with opened(make_app(server)) as client:
        tools = (await client.get("/one/mcp/tools?format=anthropic")).json()
    assert [tool.get("description") for tool in tools] == [None, "Does nothing."]


async def test_unknown_format_is_refused_with_the_known_ones(make_app: MakeApp) -> None:
    async with opened(make_app(MCPServer("one"))) as client:
        answer = await client.get("/one/mcp/tools?format=mistral")
    assert answer.status_code == 400
    assert "openai, openai-responses, anthropic, gemini" in answer.json()["detail"]
