"""The types of results: objects, unions by a tag, and JSON for what GraphQL cannot say."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, GraphQLUnionType

from tests.gateway.graphql.served import result_type

CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "name": {"type": "string"}}, "required": ["kind"]}
DEFINITIONS = {"Cat": CAT, "Dog": DOG}
PETS = [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]


def wrapped(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], "title": "toolOutput", **more}


def test_wrapped_result_has_the_type_of_its_value() -> None:
    assert result_type(wrapped({"type": "integer"}))[0] == "Long"
    assert result_type(wrapped({"type": "array", "items": {"type": "number"}}))[0] == "[Float!]"
    assert result_type(wrapped({}, title="Model"))[0] == "one_tool_Model"


def test_object_has_its_properties_the_whole_and_the_rest() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "_raw": {}, "b-c": {}}, "required": ["a"]}
    name, found = result_type(schema)
    type_ = found.get_type(name)
    assert isinstance(type_, GraphQLObjectType)
    assert {"a", "_raw", "_json"} < type_.fields.keys()
    assert [str(type_.fields[each].type) for each in ("a", "_raw", "_json")] == ["Long!", "JSON!", "JSON!"]
    assert {*type_.extensions["keys"].values()} == {"a", "_raw", "b-c"}
    closed, found = result_type({**schema, "additionalProperties": False})
    assert isinstance(type_ := found.get_type(closed), GraphQLObjectType)
    assert "_json" not in type_.fields


def test_objects_with_a_constant_tag_are_a_union() -> None:
    name, found = result_type(wrapped({"oneOf": PETS}, **{"$defs": DEFINITIONS}))
    union = found.get_type(name)
    assert isinstance(union, GraphQLUnionType)
    assert [type_.name for type_ in union.types] == ["one_tool_Cat", "one_tool_Dog"]


def test_alternatives_without_a_tag_are_json() -> None:
    for options in (
        [{"type": "string"}, PETS[0]],
        [PETS[0], PETS[0]],
        [CAT, {"type": "object", "properties": {"a": {}}}],
    ):
        assert result_type(wrapped({"anyOf": options}, **{"$defs": DEFINITIONS}))[0] == "JSON"


def test_enum_with_values_that_are_no_names_is_text() -> None:
    assert result_type(wrapped({"enum": ["red", "green"]}))[0] == "one_tool_result"
    assert result_type(wrapped({"enum": ["red", "dark-green"]}))[0] == "String"


def test_schema_of_a_recursive_model_is_one_type() -> None:
    tree = {
        "title": "Tree",
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    }
    name, found = result_type({**tree, "$defs": {"Tree": tree}})
    assert name == "one_tool_Tree"
    assert isinstance(type_ := found.get_type(name), GraphQLObjectType)
    assert str(type_.fields["children"].type) == "[one_tool_Tree!]"
