"""Arguments on their way to a tool, and what documents select of its results."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from mcp.server import Server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool
from pydantic import BaseModel, Field

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.routes.graphql.asking import ask, reading, slugs
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Speed(Enum):
    SLOW = "very slow"
    NONE = "null"


class Odd(BaseModel):
    first_name: str = Field(alias="first-name")


async def pets() -> list[Annotated[Cat | Dog, Field(discriminator="kind")]]:
    return [Cat(lives=9), Dog(name="Rex")]


async def tree() -> Tree:
    return Tree(value=1, children=[Tree(value=2, children=[Tree(value=3)])])


async def echo(value: Any) -> Any:
    return value


async def drive(speed: Speed, whom: Odd) -> str:
    return f"{speed.value}: {whom.first_name}"


async def number(value: float) -> float:
    return value


async def whole(value: int) -> int:
    return value


TOOLS = (pets, tree, echo, drive, number, whole)


async def value_of(make_app: MakeApp, selection: str, **variables: Any) -> Any:
    types = {"value": "JSON", "whole": "Long!", "list": "[Long!]!"}
    declared = ", ".join(f"${name}: {types[name]}" for name in variables)
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        head = f"query({declared})" if declared else ""
        answer = await ask(http, f"{head} {{ one {{ {selection} }} }}", variables=variables)
    assert "errors" not in answer, answer
    return answer["data"]["one"]


@pytest.mark.slow
async def test_member_of_a_union_is_found_by_its_tag(make_app: MakeApp) -> None:
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        query = "{ one { pets { __typename ... on one_pets_Cat { lives } ...D } } }"
        query += " fragment D on one_pets_Dog { name _raw }"
        answer = await ask(http, query)
    assert answer["data"]["one"]["pets"] == [
        {"__typename": "one_pets_Cat", "lives": 9},
        {"__typename": "one_pets_Dog", "name": "Rex", "_raw": {"kind": "dog", "name": "Rex"}},
    ]


@pytest.mark.slow
async def test_recursive_result_is_selected_level_by_level(make_app: MakeApp) -> None:
    found = await value_of(make_app, "tree { value children { v: value children { value } } }")
    assert found == {"tree": {"value": 1, "children": [{"v": 2, "children": [{"value": 3}]}]}}


@pytest.mark.parametrize("value", [2**31, 2**53 + 1, -(2**63), 10**40])
@pytest.mark.slow
async def test_whole_numbers_of_any_size_go_both_ways(make_app: MakeApp, value: int) -> None:
    assert await value_of(make_app, f"whole(value: {value})") == {"whole": value}
    assert await value_of(make_app, "whole(value: $whole)", whole=value) == {"whole": value}
    assert await value_of(make_app, f"echo(value: [{value}])") == {"echo": [value]}


async def test_numbers_stay_as_they_are(make_app: MakeApp) -> None:
    assert str(await value_of(make_app, "a: number(value: 1.5) b: echo(value: 10) c: echo(value: 10.0)")) == (
        "{'a': 1.5, 'b': 10, 'c': 10.0}"
    )


@pytest.mark.slow
async def test_any_json_is_an_argument(make_app: MakeApp) -> None:
    value = {"a": [1, None, {"b": "c"}], "d": True}
    assert await value_of(make_app, "echo(value: $value)", value=value) == {"echo": value}
    assert await value_of(make_app, 'echo(value: {a: [1, null, {b: "c"}], d: true})') == {"echo": value}
    assert await value_of(make_app, "echo(value: {a: $whole})", whole=5) == {"echo": {"a": 5}}


async def test_odd_names_reach_the_tool_as_its_own(make_app: MakeApp) -> None:
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        document = '{ __type(name: "one_drive_Speed_input") { enumValues { name description } } }'
        values = (await ask(http, document))["data"]["__type"]["enumValues"]
        assert [value["description"] for value in values] == ["Real name: 'very slow'.", "Real name: 'null'."]
        document = '{ __type(name: "one_drive_Odd_input") { inputFields { name } } }'
        [field] = (await ask(http, document))["data"]["__type"]["inputFields"]
        query = f'{{ one {{ drive(speed: {values[0]["name"]}, whom: {{{field["name"]}: "Ada"}}) }} }}'
        assert await ask(http, query) == {"data": {"one": {"drive": "very slow: Ada"}}}


@pytest.mark.slow
async def test_skip_and_include_are_obeyed(make_app: MakeApp) -> None:
    query = (
        "query($no: Boolean!) { one { whole(value: 1) @include(if: $no) number(value: 1.5) @skip(if: true) } _servers }"
    )
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        answer = await ask(http, query, variables={"no": False})
        assert answer == {"data": {"one": {}, "_servers": ["one"]}}
        calls = " ".join(f"a{n}: whole(value: {n}) @skip(if: $no)" for n in range(60))
        counted = f"query($no: Boolean!) {{ one {{ {calls} }} }}"
        assert (await ask(http, counted, variables={"no": True})) == {"data": {"one": {}}}
        assert slugs(await ask(http, counted, variables={"no": False})) == ["invalid-request"]


async def test_null_for_a_condition_is_refused(make_app: MakeApp) -> None:
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        for query in ("_servers @skip(if: $no)", "one { tree { value @skip(if: $no) } }"):
            answer = await ask(http, f"query($no: Boolean = true) {{ {query} }}", variables={"no": None})
            assert slugs(answer) == ["invalid-request"]


@pytest.mark.parametrize("servers", [5, 6])
async def test_calls_are_counted_after_fragments_and_aliases(make_app: MakeApp, servers: int) -> None:
    tools = " ".join(f"a{n}: whole(value: {n})" for n in range(10))
    aliases = " ".join(f"s{n}: one {{ ...T ...T }}" for n in range(servers))
    async with opened(make_app(reading(*TOOLS), graphql=GRAPHQL)) as http:
        answer = await ask(http, f"{{ {aliases} }} fragment T on one_queries {{ {tools} }}")
    assert ("errors" in answer) == (servers == 6)


async def test_value_that_is_not_of_its_type_is_null_and_an_error(make_app: MakeApp) -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "object", "properties": {"c": {"type": "string"}}, "required": ["c"]},
        },
    }

    async def tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name="wrong", input_schema={"type": "object"}, output_schema=schema)])

    async def call(ctx: Any, params: Any) -> CallToolResult:
        structured = {"a": "secret", "b": {"c": 1}}
        return CallToolResult(content=[TextContent(type="text", text="x")], structured_content=structured)

    low = Server("one", on_list_tools=tools, on_call_tool=call)
    async with opened(make_app(low, graphql=GRAPHQL)) as http:
        answer = await ask(http, "mutation { one_wrong { a b { c } _raw } }")
    assert answer["data"]["one_wrong"] == {"a": None, "b": None, "_raw": {"a": "secret", "b": {"c": 1}}}
    assert [error["path"] for error in answer["errors"]] == [["one_wrong", "a"], ["one_wrong", "b", "c"]]
    assert slugs(answer) == ["upstream-error"] * 2
    assert "secret" not in str(answer["errors"])


@pytest.mark.slow
async def test_large_result_is_selected_beside_other_requests(make_app: MakeApp) -> None:
    async def rows(count: int) -> list[Cat]:
        return [Cat(lives=number) for number in range(count)]

    async with opened(make_app(server_of(rows), graphql=GRAPHQL)) as http:
        answer = await ask(http, "mutation { one_rows(count: 5000) { lives kind } }")
        assert answer["data"]["one_rows"][-1] == {"lives": 4999, "kind": "cat"}
        answer = await ask(http, "mutation { one_rows(count: 110000) { lives } }")
        assert slugs(answer) == ["too-large"]
