"""Tools of a class that overrides `Tool.run`."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent

from tests.clients import ERAS, Era, answered, connected, post
from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def tells(words: str) -> str:
    return f"{words} secret"


async def tells_data() -> dict:  # type: ignore[type-arg]
    return {"a": "secret"}


class Own(Tool):
    """Replaces its arguments, and exits if one of them is `exit`."""

    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> Any:
        if "exit" in arguments:
            raise SystemExit(arguments["exit"])
        return await super().run({"words": "its own"}, context, convert_result)


TEXT = '{\n  "words": "its own"\n}'


class OwnText(Tool):
    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> Any:
        return CallToolResult(content=[TextContent(type="text", text="42")]) if convert_result else 42


async def untyped(words):  # type: ignore[no-untyped-def]
    return {"words": words}


async def test_overridden_run_of_a_tool_class_is_used_over_json_and_mcp(make_app: MakeApp) -> None:
    tools: list[Tool] = [Own.from_function(tells), Own.from_function(untyped), OwnText.from_function(tells_data)]
    async with opened(make_app(MCPServer("one", tools=tools))) as client:
        answers = {tool.name: (await post(client, tool.name)).json()["result"] for tool in tools}
        async with connected(client, "modern") as mcp:
            over_mcp = await answered(mcp, "untyped", {})

    assert answers == {"tells": "its own secret", "untyped": TEXT, "tells_data": "42"}
    assert over_mcp["content"][0]["text"] == TEXT


@pytest.mark.parametrize("era", ERAS)
async def test_tool_class_that_exits_does_not_end_the_process(make_app: MakeApp, era: Era) -> None:
    async with opened(make_app(MCPServer("one", tools=[Own.from_function(tells)]))) as client:
        answer = await post(client, "tells", {"exit": "1234"})
        async with connected(client, era) as mcp:
            over_mcp = await answered(mcp, "tells", {"exit": "1234"})

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:multi-mcp:error:tool-crashed")
    assert "error" in over_mcp
    assert "1234" not in str(over_mcp)
