"""Servers whose class overrides `list_tools` and `call_tool`, as one in front of another program does."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent, Tool

from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


class Front(MCPServer[Any]):
    async def list_tools(self) -> list[Tool]:
        return [*await super().list_tools(), *(Tool(name=f"say_{n}", input_schema=SCHEMA) for n in range(9))]

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        if not name.startswith("say_"):
            return await super().call_tool(name, arguments, context)
        text = f"{name}: {arguments['text']}"
        content: list[Any] = [TextContent(type="text", text=text)]
        return CallToolResult(content=content, structured_content={"said": text} if name == "say_1" else None)


def front() -> Front:
    server = Front("one")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    return server


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_json_and_native_list_and_call_the_same_tools(make_app: MakeApp, era: Era) -> None:
    async with opened(make_app(front())) as client, connected(client, era) as mcp:
        native = [tool.name for tool in (await mcp.list_tools()).tools]
        listed = (await client.get("/one/mcp/tools")).json()["tools"]
        assert [tool["name"] for tool in listed] == native == ["add", *(f"say_{n}" for n in range(9))]
        assert listed[1]["inputSchema"] == SCHEMA
        assert (await post(client, "say_0", {"text": "hi"})).json() == {"result": "say_0: hi"}
        assert (await post(client, "say_1", {"text": "hi"})).json() == {"result": {"said": "say_1: hi"}}
        assert (await post(client, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await mcp.call_tool("say_0", {"text": "hi"})).content[0].text == "say_0: hi"  # type: ignore[union-attr]
        assert [tool.name for tool in (await mcp.list_tools()).tools] == native  # nothing was added to the SDK's table
        assert (await post(client, "say_10", {})).status_code == 404
        assert (await client.get("/openapi.json")).json()["paths"].keys() >= {"/one/mcp/tools/say_8"}
        assert (await client.get("/health")).json()["tools"] == 10


async def test_list_that_fails_at_the_start_is_a_warning_and_the_others_are_served(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(Front):
        async def list_tools(self) -> list[Tool]:
            raise OSError("the backend is away")

    async with opened(make_app(front(), Away("two"))) as client:
        assert (await post(client, "say_0", {"text": "hi"})).json() == {"result": "say_0: hi"}
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage().startswith("server 'two': its own `list_tools` failed")
