"""Types that are made when they are needed first: their names do not depend on which came first."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from graphql import GraphQLObjectType, print_schema

from gateway.graphql.lazy import grouped
from tests.gateway.graphql.served import graph_of

PART = {"type": "object", "properties": {"x": {"type": "string"}}}


def tool(name: str, *parts: str) -> dict[str, Any]:
    """Returns a tool whose result has parts of these names, each of which is a type."""
    return {"name": name, "outputSchema": {"type": "object", "properties": dict.fromkeys(parts, PART)}}


TOOLS = (tool("a", "b_c", "d"), tool("a_b", "c"), tool("z", "b_c"))


def test_tools_whose_types_may_have_one_name_are_made_together() -> None:
    assert grouped(["a_b_c", "a_b", "a_bc", "a_c", "a_c_d_e"]) == {"a_b": ["a_b_c", "a_b"], "a_bc": ["a_bc"]} | {
        "a_c": ["a_c", "a_c_d_e"]
    }


def test_names_are_the_same_whichever_tool_is_needed_first() -> None:
    whole = print_schema(graph_of(*TOOLS).schema)
    assert "one_a_b_c:" not in whole
    for names in (["one_a_b", "one_a"], ["one_z", "one_a"], ["one_a"]):
        made = graph_of(*TOOLS)
        assert made.schema.mutation_type is not None
        for name in names:
            assert made.schema.mutation_type.fields[name].type
        assert print_schema(made.schema) == whole


def test_only_what_is_asked_for_is_made() -> None:
    made = graph_of(*(tool(f"only{number}", "part") for number in range(300)))
    assert made.schema.get_type("one_only7_part") is not None
    assert made.schema.get_type("one_only7_nothing") is None
    assert made.schema.get_type("Nothing") is None
    gc.collect()
    objects = [each for each in gc.get_objects() if issubclass(type(each), GraphQLObjectType)]
    assert not [each.name for each in objects if each.name.startswith("one_only8")]


@pytest.mark.parametrize("count", [8])
def test_threads_that_need_one_tool_at_once_get_the_same_types(count: int) -> None:
    made = graph_of(*TOOLS)
    with ThreadPoolExecutor(count) as threads:
        found = [*threads.map(lambda _: made.schema.get_type("one_a_b_c"), range(count))]
        texts = {*threads.map(lambda _: print_schema(made.schema), range(count))}
    assert len({id(each) for each in found}) == 1
    assert len(texts) == 1
