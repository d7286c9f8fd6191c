"""Tools that models see, and the work that a list in a vendor's format costs."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

from routes.json_api.formats import FORMATS
from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio
URLS = ["/tools", "/one/mcp/tools"]


class Counted(dict[str, Any]):
    """A schema that counts how often it is converted."""

    conversions = 0

    def items(self) -> Any:
        self.conversions += 1
        return super().items()


def nothing() -> None:
    pass


def with_visibility(*kinds: Any) -> MCPServer[Any]:
    """Returns a server with a tool of each visibility, named by its place."""
    server: MCPServer[Any] = MCPServer("one")
    for place, visibility in enumerate(kinds):
        server.add_tool(nothing, name=f"t{place}", meta={"ui": {"visibility": visibility}})
    return server


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.slow
async def test_tool_for_the_app_alone_is_not_shown_to_models(make_app: MakeApp, url: str, format_name: str) -> None:
    async with opened(make_app(with_visibility(["app"], ["model", "app"], ["model"], [], "app", None))) as client:
        listed = (await client.get(url)).json()["tools"]
        shown = (await client.get(url, params={"format": format_name})).text
        assert [tool["name"] for tool in listed] == [f"t{place}" for place in range(6)]
        assert [place for place in range(6) if f't{place}"' in shown] == [1, 2, 4, 5]
        assert (await client.post("/call", json={"server": "one", "tool": "t0"})).status_code == 200


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("format_name", FORMATS)
async def test_list_without_tools_is_empty(make_app: MakeApp, url: str, format_name: str) -> None:
    async with opened(make_app(with_visibility(["app"]))) as client:
        assert (await client.get(url, params={"format": format_name})).json() == []


@pytest.mark.parametrize("format_name", FORMATS)
async def test_tool_is_converted_once_until_it_is_replaced(make_app: MakeApp, format_name: str) -> None:
    schema = Counted(type="object", properties={"a": {}})
    tool = Tool.from_function(nothing).model_copy(update={"parameters": schema})
    server: MCPServer[Any] = MCPServer("one", tools=[tool])
    async with opened(make_app(server)) as client:
        first = await client.get("/one/mcp/tools", params={"format": format_name})
        conversions = schema.conversions
        assert conversions > 0
        again = await client.get("/one/mcp/tools", params={"format": format_name})
        assert (again.text, again.headers["etag"]) == (first.text, first.headers["etag"])
        assert schema.conversions == conversions
        server.remove_tool("nothing")
        server.add_tool(nothing, description="New.")
        assert "New." in (await client.get("/one/mcp/tools", params={"format": format_name})).text


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.slow
async def test_schema_that_cannot_be_converted_leaves_any_arguments(
    make_app: MakeApp, format_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    chain = {f"D{place}": {"$ref": f"#/$defs/D{place + 1}"} for place in range(2000)}
    schema = {"$ref": "#/$defs/D0", "$defs": chain}
    deep = Tool.from_function(nothing).model_copy(update={"parameters": schema})
    async with opened(make_app(MCPServer("one", tools=[deep]))) as client:
        shown = await client.get("/one/mcp/tools", params={"format": format_name})
    assert (shown.status_code, '"properties":{}' in shown.text) == (200, True)
    assert "cannot be converted" in caplog.text
