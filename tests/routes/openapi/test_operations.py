"""The operations of the OpenAPI document and their schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import InputRequiredResult
from pydantic import BaseModel

from tests.conftest import MakeApp, server_of
from tests.routes.openapi.document import body_of, operations, resolved
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parents[2]
ALL = {"servers_dir": (shipped(), str(TESTS / "fuzz" / "servers"))}


Asks = InputRequiredResult | str


class Item(BaseModel):
    name: str


class Other(BaseModel):
    size: int


@pytest.mark.slow
async def test_each_tool_is_an_operation_with_a_unique_id(make_app: MakeApp) -> None:
    async with opened(make_app(**ALL)) as client:
        document = (await client.get("/openapi.json")).json()
        tools = (await client.get("/tools")).json()["tools"]
        names = [tool["name"] for tool in (await client.get("/tools?format=anthropic")).json()]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len({*ids}) == len(ids)
    assert [each for each in ids if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", each)] == []
    assert [document["paths"][tool["endpoint"]]["post"]["operationId"] for tool in tools] == names


async def test_other_operations_never_have_the_id_of_a_tool(make_app: MakeApp) -> None:
    one, call, other = (MCPServer(name) for name in ("one", "call_one", "x" * 40))
    for server in (one, call, other):
        server.add_tool(lambda: None, name="call")
    one.add_tool(lambda: None, name="one_call")
    other.add_tool(lambda: None, name="y" * 64)
    async with opened(make_app(one, call, other)) as client:
        document = (await client.get("/openapi.json")).json()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len({*ids}) == len(ids)
    assert [each for each in ids if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", each)] == []


@pytest.mark.slow
async def test_document_of_a_server_has_the_calls_of_its_tools_alone_as_in_the_whole_document(
    make_app: MakeApp,
) -> None:
    async with opened(make_app(**ALL)) as client:
        whole = (await client.get("/openapi.json")).json()
        own = (await client.get("/math/openapi.json")).json()
    calls = {path: item["post"] for path, item in whole["paths"].items() if path.startswith("/math/mcp/tools/")}
    assert {f"/math{path}": item for path, item in own["paths"].items()} == {
        path: {"post": call} for path, call in calls.items()
    }
    assert own["components"]["schemas"].items() <= whole["components"]["schemas"].items()


async def test_only_a_tool_that_may_ask_declares_that_it_asks(make_app: MakeApp) -> None:
    async def asks_without_state() -> InputRequiredResult:
        return InputRequiredResult(input_requests={})

    def in_a_thread() -> InputRequiredResult | str:
        return ""

    async def by_another_name() -> Asks:
        return ""

    async def reports(ctx: Context[Any, Any]) -> str:
        return ""

    async def direct() -> str:
        return ""

    hooked = server_of(direct, name="hooked")

    @hooked.middleware.append
    async def passes(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    async with opened(
        make_app(server_of(asks_without_state, in_a_thread, by_another_name, reports, direct), hooked)
    ) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    asking = {path for path, item in paths.items() if "/mcp/tools/" in path and "202" in item["post"]["responses"]}
    assert asking == {
        *("/one/mcp/tools/asks_without_state", "/one/mcp/tools/in_a_thread", "/one/mcp/tools/reports"),
        "/one/mcp/tools/by_another_name",
        "/hooked/mcp/tools/direct",
    }


@pytest.mark.slow
async def test_errors_are_declared_once(make_app: MakeApp) -> None:
    async with opened(make_app(**ALL)) as client:
        document = (await client.get("/openapi.json")).json()
    declared = [operation["responses"] for _, _, operation in operations(document)]
    assert {status for responses in declared for status in responses} == {"200", "202", "304", "default"}
    assert {responses["default"]["$ref"] for responses in declared} == {"#/components/responses/Problem"}


@pytest.mark.slow
async def test_operation_has_the_input_and_output_schemas_of_its_tool(make_app: MakeApp) -> None:
    async with opened(make_app(**ALL)) as client:
        document = (await client.get("/openapi.json")).json()
        tool = (await client.get("/odd/mcp/tools/bounded")).json()
        silent = document["paths"]["/odd/mcp/tools/plain"]["post"]
    call = document["paths"]["/odd/mcp/tools/bounded"]["post"]
    given = resolved(document, call["requestBody"]["content"]["application/json"]["schema"])
    answered = resolved(document, call["responses"]["200"]["content"]["application/json"]["schema"])
    assert answered["properties"] == {"result": {"type": "number"}}
    assert given["required"] == tool["inputSchema"]["required"]
    assert given["properties"]["code"] == {
        "description": 'Default: `"abc"`.',
        "pattern": "^[a-z]{2,5}$",
        "type": "string",
    }
    assert given["properties"]["percent"] == {"maximum": 100, "minimum": 0, "type": "integer"}
    untyped = silent["responses"]["200"]["content"]["application/json"]["schema"]
    assert untyped == {"$ref": "#/components/schemas/ToolResult"}


@pytest.mark.slow
async def test_every_model_is_a_component_with_a_name_and_title_of_its_own(make_app: MakeApp) -> None:
    def search(item: Item) -> Item:
        return item

    def find(item: Item) -> list[Item]:
        return [item]

    one, two = server_of(search, find, name="one"), server_of(search, name="two")
    one.add_tool(search, name="again")
    async with opened(make_app(one, two)) as client:
        document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    tools = {name: schema for name, schema in schemas.items() if name.startswith(("one_", "two_"))}
    assert {schema["title"]: name for name, schema in tools.items()} == {name: name for name in tools}
    assert {*re.findall(r'"\$ref": "#/components/schemas/([^"]*)"', json.dumps(document))} <= {*schemas}
    assert len([name for name in tools if name.endswith("_Item")]) == 5


@pytest.mark.slow
async def test_definitions_and_recursive_schemas_are_preserved(make_app: MakeApp) -> None:
    async with opened(make_app(**ALL)) as client:
        document = (await client.get("/openapi.json")).json()
    trees = body_of(document, "/odd/mcp/tools/planted")
    assert "odd_planted_input_Tree" in document["components"]["schemas"]
    assert trees.is_valid({"tree": {"label": "a", "children": [{"label": "b", "children": [{"label": "c"}]}]}})
    assert not trees.is_valid({"tree": {"label": "a", "children": [{"label": "b", "children": [{}]}]}})


@pytest.mark.slow
async def test_equal_tool_names_in_two_servers_have_separate_schemas(make_app: MakeApp) -> None:
    def items(item: Item) -> Item:
        return item

    def others(item: Other) -> Other:
        return item

    one, two = MCPServer("one"), MCPServer("two")
    one.add_tool(items, name="take")
    two.add_tool(others, name="take")
    async with opened(make_app(one, two)) as client:
        document = (await client.get("/openapi.json")).json()
    first, second = body_of(document, "/one/mcp/tools/take"), body_of(document, "/two/mcp/tools/take")
    assert (first.is_valid({"item": {"name": "a"}}), second.is_valid({"item": {"name": "a"}})) == (True, False)
    assert (first.is_valid({"item": {"size": 1}}), second.is_valid({"item": {"size": 1}})) == (False, True)


async def test_summary_is_the_title_or_the_first_line_or_the_name(make_app: MakeApp) -> None:
    server = MCPServer("one")
    server.add_tool(lambda: None, name="titled", title="Has a title", description="Else this.")
    server.add_tool(lambda: None, name="told", description="The first line.\n\nThe rest.")
    server.add_tool(lambda: None, name="silent")
    async with opened(make_app(server)) as client:
        document = (await client.get("/openapi.json")).json()
    summaries = [
        document["paths"][f"/one/mcp/tools/{name}"]["post"]["summary"] for name in ("titled", "told", "silent")
    ]
    assert summaries == ["Has a title", "The first line.", "silent"]
