"""Every contract tool over GraphQL: the value of `/call`, and its types as the tool's schemas say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    validate_schema,
)

from gateway.naming import TOOL_SUFFIX
from tests.contract.every_tool import CALLS
from tests.contract.expected import ARGUMENTS, CONTENT, VALUES
from tests.contract.ways import Ways, opened_ways
from tests.documents import GRAPHQL, mutation

pytestmark = pytest.mark.anyio
CONVERTED = [
    {"a": "1", "b": True},
    {"a": 1, "unknown": "dropped"},
    {"a": "3", "b": "null"},
    {"anything": 1},
    {"day": "2026-07-28", "flag": "yes"},
    *(arguments for _, arguments, _ in ARGUMENTS if any(str(value)[:1] in "{[" for value in arguments.values())),
    {"values": "[1, 2]", "factor": "2.5"},
]
"""Arguments that are converted over JSON, and that GraphQL's types refuse."""

GIVEN = [
    (tool, arguments, value)
    for tool, arguments, value in (*VALUES, *CONTENT, *ARGUMENTS)
    if (arguments not in CONVERTED or tool in ("text", "anything"))
    and (tool != "unannotated" or isinstance(value, str))  # its schema says that the argument is a string
]


@pytest.fixture(scope="module")
async def ways(anyio_backend: str) -> AsyncIterator[Ways]:
    async with opened_ways(graphql=GRAPHQL) as ways:
        yield ways


@pytest.fixture(scope="module")
async def schema(ways: Ways) -> GraphQLSchema:
    answer = await ways.http.post(GRAPHQL, json={"query": get_introspection_query()})
    return build_client_schema(answer.json()["data"])


async def ask(ways: Ways, schema: GraphQLSchema, tool: str, arguments: dict[str, Any]) -> httpx2.Response:
    assert schema.mutation_type is not None
    type_ = get_named_type(schema.mutation_type.fields[f"kinds_{tool}"].type)
    return await ways.http.post(GRAPHQL, json={"query": mutation("kinds", tool, arguments, every_field(type_))})


def every_field(type_: GraphQLNamedType, depth: int = 4) -> str:
    """Returns a selection of all fields but ours, to a few levels."""
    if not isinstance(type_, GraphQLObjectType):
        return ""
    parts = {name: get_named_type(field.type) for name, field in type_.fields.items() if not name.startswith("_")}
    names = [name for name, part in parts.items() if depth or not isinstance(part, GraphQLObjectType)]
    return f"{{ {' '.join(f'{name} {every_field(parts[name], depth - 1)}' for name in names)} }}"


@pytest.mark.parametrize(("tool", "arguments", "value"), GIVEN)
async def test_value_is_that_of_a_call(
    ways: Ways, schema: GraphQLSchema, tool: str, arguments: dict[str, Any], value: Any
) -> None:
    answer = await ask(ways, schema, tool, arguments)
    if tool == "more_than_declared":  # what the schema does not declare is no field
        value = {name: each for name, each in value.items() if name != "salary"}
    if tool == "typed_dict":
        value = {**value, "note": None}
    assert answer.json() == {"data": {"result": value}}
    assert await ways.ran() == [tool]


@pytest.mark.slow
async def test_every_tool_answers_with_the_error_of_a_call(ways: Ways, schema: GraphQLSchema) -> None:
    for tool, expected in CALLS.items():
        if expected.status in (422, 500):
            call = (await ways.call(tool, expected.arguments)).json()
            [error] = (await ask(ways, schema, tool, expected.arguments)).json()["errors"]
            ours = {**error["extensions"], "requestId": call["requestId"]}
            assert (tool, ours) == (tool, call)
            assert error["path"] == ["result"]
    await ways.ran()


async def test_schema_of_every_tool_is_valid(ways: Ways, schema: GraphQLSchema) -> None:
    assert validate_schema(schema) == []
    assert schema.mutation_type is not None
    tools = (await ways.http.get("/kinds/mcp/tools")).json()["tools"]
    fields = {f"kinds_{tool['name']}".removesuffix(TOOL_SUFFIX): tool for tool in tools}
    assert {*schema.mutation_type.fields} == {*fields}
    for name, tool in fields.items():
        assert {*schema.mutation_type.fields[name].args} >= {*tool["inputSchema"].get("properties", {})}
