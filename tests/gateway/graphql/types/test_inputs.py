"""Arguments as GraphQL types: nothing is left out, and what GraphQL cannot say is JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.graphql.served import argument_types, graph

TEXT = {"type": "string"}
TYPES: list[tuple[Any, str]] = [
    ({"type": "string"}, "String"),
    ({"type": "integer"}, "Long"),
    ({"type": "integer", "minimum": 0, "maximum": 100}, "Int"),
    ({"type": "integer", "minimum": 0}, "Long"),
    ({"type": "integer", "exclusiveMinimum": -5, "exclusiveMaximum": 2**31 - 1}, "Int"),
    ({"type": "integer", "minimum": 0, "maximum": 2**31}, "Long"),
    ({"type": "number"}, "Float"),
    ({"type": "boolean"}, "Boolean"),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "Long"),
    ({"type": ["string", "null"]}, "String"),
    ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "Float"),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "JSON"),
    ({"type": "array", "items": TEXT}, "[String!]"),
    ({"type": "array", "items": {"type": ["string", "null"]}}, "[String]"),
    ({"type": "array", "items": {"type": "array", "items": TEXT}}, "[[String!]!]"),
    ({"type": "array"}, "[JSON]"),
    ({"type": "array", "prefixItems": [TEXT, TEXT]}, "JSON"),
    ({"type": "array", "items": [TEXT]}, "JSON"),
    ({"type": "object", "additionalProperties": TEXT}, "JSON"),
    ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}, "JSON"),
    ({"type": "object", "properties": {"a": TEXT}, "patternProperties": {"^x": TEXT}}, "JSON"),
    ({"type": "object", "properties": {"a": TEXT}, "if": {}, "then": {}}, "JSON"),
    ({"type": "object", "properties": {}}, "JSON"),
    ({"type": "object"}, "JSON"),
    ({"type": "object", "properties": {"a": TEXT}}, "one_tool_x_input"),
    ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}, "one_tool_x_input"),
    ({"enum": ["a", "b"]}, "one_tool_x_input"),
    ({"enum": ["a", 1]}, "JSON"),
    ({"enum": [1, 2]}, "Int"),
    ({"enum": [1, 2**40]}, "Long"),
    ({"const": "a"}, "one_tool_x_input"),
    ({"const": None}, "JSON"),
    ({"not": TEXT}, "JSON"),
    ({}, "JSON"),
    (True, "JSON"),
    (None, "JSON"),
    ("garbage", "JSON"),
    ({"type": 7}, "JSON"),
    ({"type": "array", "items": "garbage"}, "[JSON]"),
    ({"$ref": "#/$defs/Missing"}, "JSON"),
    ({"$ref": "https://example.com/schema"}, "JSON"),
    ({"$ref": "#/properties/x"}, "JSON"),
    ({"allOf": [TEXT]}, "String"),
    ({"allOf": [TEXT, {"minLength": 1}]}, "JSON"),
]

NULLABLE = [{"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": ["string", "null"]}]


@pytest.mark.parametrize(("schema", "type_"), TYPES)
def test_argument_has_the_type_of_its_schema(schema: Any, type_: str) -> None:
    for required, mark in (([], ""), (["x"], "!")):
        found = argument_types({"type": "object", "properties": {"x": schema}, "required": required})
        may_be_null = type_ == "JSON" and not (isinstance(schema, dict) and schema.get("properties"))
        may_be_null = may_be_null or schema in NULLABLE
        assert found == {"x": type_ + ("" if may_be_null else mark)}


@pytest.mark.parametrize(
    "more",
    [{"additionalProperties": True}, {"patternProperties": {"^x": TEXT}}, {"anyOf": [{"required": ["a"]}]}, {"if": {}}],
)
def test_tool_with_further_arguments_takes_them_as_json(more: dict[str, Any]) -> None:
    assert argument_types({"type": "object", "properties": {"a": TEXT}, **more}) == {"a": "String", "_json": "JSON"}


def test_odd_names_are_changed_and_the_real_ones_can_be_read() -> None:
    names = ["a-b", "a_b", "__a", "", "1", "ünï", "_json", "_resume", "x" * 300]
    made = graph({"name": "tool", "inputSchema": {"type": "object", "properties": dict.fromkeys(names, TEXT)}})
    assert made.schema.mutation_type is not None
    found = made.schema.mutation_type.fields["one_tool"].args
    assert [argument.out_name for argument in found.values()] == names
    for shown, argument in found.items():
        assert shown == argument.out_name or f"Real name: {argument.out_name!r}." in str(argument.description)


def test_values_of_an_enum_may_have_any_text() -> None:
    values = ["1", "a-b", "null", "true", "a", ""]
    made = graph({"name": "tool", "inputSchema": {"type": "object", "properties": {"x": {"enum": values}}}})
    enum: Any = made.schema.get_type("one_tool_x_input")
    assert [value.value for value in enum.values.values()] == values
    assert "a" in enum.values
    assert not {"null", "true"} & enum.values.keys()


def test_recursive_and_very_deep_schemas_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "value": TEXT}}
    assert argument_types(
        {"type": "object", "properties": {"x": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    ) == {"x": "one_tool_Node_input"}
    deep: dict[str, Any] = TEXT
    for _ in range(900):
        deep = {"type": "object", "properties": {"below": deep}}
    assert argument_types({"type": "object", "properties": {"x": deep}}) == {"x": "one_tool_x_input"}
    chain = {f"D{n}": {"type": "object", "properties": {"next": {"$ref": f"#/$defs/D{n + 1}"}}} for n in range(2000)}
    root = {"type": "object", "properties": {"x": {"$ref": "#/$defs/D0"}}, "$defs": chain}
    assert argument_types(root) == {"x": "one_tool_D0_input"}
