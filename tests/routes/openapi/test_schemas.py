"""Schemas of tools as components of the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter

from routes.openapi.names import ComponentNames
from routes.openapi.schemas import components

HERE = "#/components/schemas/here"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list[Cat | Dog] = []


def parts(schema: Any) -> dict[str, Any]:
    return components(schema, "here", ComponentNames(["Problem"]))


def moved(schema: Any) -> Any:
    """Returns the first component without its title."""
    return {key: value for key, value in parts(schema)["here"].items() if key != "title"}


def in_a_document(schema: Any) -> Draft202012Validator:
    return Draft202012Validator({"$ref": HERE, "components": {"schemas": parts(schema)}})


def test_each_model_is_a_component_and_its_title_is_its_name() -> None:
    schema = {
        "title": "Arguments",
        "$defs": {"A": {"title": "A", "items": {"$ref": "#/$defs/A"}}},
        "properties": {"a": {"$ref": "#/$defs/A"}},
    }
    assert parts(schema) == {
        "here": {"title": "here", "properties": {"a": {"$ref": f"{HERE}_A"}}},
        "here_A": {"title": "here_A", "items": {"$ref": f"{HERE}_A"}},
    }


def test_names_that_generators_do_not_tell_apart_are_not_given_twice() -> None:
    names = ComponentNames(["Problem"])
    assert [names.claim(name) for name in ("problem", "a_b", "aB", "A-B")] == ["problem_2", "a_b", "aB_2", "A-B_3"]
    schema = {
        "$defs": {"Words": {"type": "object"}},
        "properties": {"words": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Words"}}},
    }
    assert [*parts(schema)] == ["here", "here_Words_2"]


@pytest.mark.parametrize("name", ["Page[Größe]", "a/b", "a~b", "a b", "x" * 200])
def test_name_of_a_model_is_made_safe(name: str) -> None:
    pointer = "#/$defs/" + name.replace("~", "~0").replace("/", "~1")
    found = parts({"$defs": {name: {"type": "integer"}}, "properties": {"a": {"$ref": pointer}}})
    [other] = found.keys() - {"here"}
    assert other.replace("_", "").isalnum()
    assert other.isascii()
    assert found["here"]["properties"]["a"] == {"$ref": f"#/components/schemas/{other}"}


def test_schema_that_is_recursive_at_its_root_stays_recursive() -> None:
    schema = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
    for each in (schema, {"$ref": "#/$defs/Node", "$defs": {"Node": schema}}):
        validator = in_a_document(each)
        assert validator.is_valid({"next": {"next": {"next": None}}})
        assert not validator.is_valid({"next": {"next": {"next": 1}}})


def test_first_component_is_never_only_a_reference() -> None:
    schema = {
        "$ref": "#/$defs/Tree",
        "$defs": {"Tree": {"properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}},
    }
    assert moved(schema) == {"properties": {"children": {"type": "array", "items": {"$ref": HERE}}}}
    assert moved({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}) == {"$ref": HERE}


def test_reference_to_any_part_of_the_schema_is_a_component() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "integer"}}}, "c": {"$ref": "#/properties/a"}}}
    assert parts(schema)["here_a"] == {"title": "here_a", "properties": {"b": {"type": "integer"}}}
    assert parts(schema)["here"]["properties"]["c"] == {"$ref": f"{HERE}_a"}


@pytest.mark.parametrize("reference", ["https://example.org/other", "#/$defs/None", "#anchor", "#/anyOf/7", 1, ["#"]])
def test_reference_to_something_else_allows_anything(reference: Any) -> None:
    schema = {"properties": {"a": {"$ref": reference, "description": "A."}}, "anyOf": [{"type": "object"}]}
    assert parts(schema)["here"]["properties"]["a"] == {"description": "A."}


def test_discriminator_maps_to_components() -> None:
    kinds = Annotated[Cat | Dog, Field(discriminator="kind")]
    schema = TypeAdapter(kinds).json_schema()
    assert moved(schema)["discriminator"]["mapping"] == {"cat": f"{HERE}_Cat", "dog": f"{HERE}_Dog"}
    validator = in_a_document(schema)
    assert validator.is_valid({"kind": "dog", "friends": [{"kind": "cat", "lives": 9}]})
    assert not validator.is_valid({"kind": "dog", "friends": [{"kind": "cat"}]})


def test_data_that_looks_like_a_reference_is_not_changed() -> None:
    data = {"$ref": "#/$defs/A"}
    schema = {
        "properties": {"$ref": {"type": "string"}, "a": {"default": data, "examples": [data]}, "b": {"enum": [data]}}
    }
    assert moved(schema) == schema


@pytest.mark.parametrize(("schema", "same"), [(True, {}), (False, {"not": {}})])
def test_schema_of_true_or_false_is_an_object(schema: bool, same: Any) -> None:
    assert moved(schema) == same


def test_schema_and_id_keywords_are_removed() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "urn:x", "type": "object"}
    assert moved(schema) == {"type": "object"}


def test_title_of_an_argument_is_its_description_if_its_author_wrote_it() -> None:
    schema = {
        "properties": {
            "max_size": {"title": "Max Size"},
            "k": {"title": "Degrees above zero"},
            "x": {"title": "Not used", "description": "Used."},
        }
    }
    described = {"max_size": {}, "k": {"description": "Degrees above zero."}, "x": {"description": "Used."}}
    assert moved(schema)["properties"] == described


def test_arrays_have_items_and_an_enumeration_has_one_type_and_bytes_are_text() -> None:
    assert moved({"type": "array", "prefixItems": [True]}) == {"type": "array", "prefixItems": [True], "items": {}}
    assert moved({"enum": ["a", "b", 3]}) == {"anyOf": [{"enum": ["a", "b"]}, {"enum": [3]}]}
    assert moved({"type": "string", "format": "binary"}) == {"type": "string"}
    assert moved({"enum": ["a", "b"]}) == {"enum": ["a", "b"]}


@pytest.mark.parametrize(
    ("schema", "stays"),
    [
        ({"type": "integer", "default": None}, False),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}], "default": None}, False),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}, True),
        ({"anyOf": [True], "default": None}, True),
        ({"type": "number", "default": 1}, True),
        ({"type": "integer", "default": True}, False),
        ({"type": ["string", "array"], "default": []}, True),
        ({"default": None}, True),
    ],
)
def test_default_that_does_not_match_its_schema_is_removed(schema: dict[str, Any], stays: bool) -> None:
    assert ("default" in moved(schema)) is stays


def test_default_of_an_argument_is_told_in_its_description() -> None:
    days = {"type": "integer", "default": 3}
    properties = {"a": days, "b": {**days, "description": "Days."}, "c": {"anyOf": [days, True], "default": None}}
    arguments = components({"properties": properties}, "here", ComponentNames([]), given=True)["here"]["properties"]
    assert arguments["a"] == {"type": "integer", "description": "Default: `3`."}
    assert arguments["b"] == {"type": "integer", "description": "Days. Default: `3`."}
    assert "default" not in arguments["c"]
    assert moved({"properties": properties})["properties"]["a"] == days


def test_declared_type_and_bounds_are_published_as_they_are() -> None:
    days = {"type": "integer", "minimum": 0}
    assert moved({"properties": {"days": {**days, "title": "Days"}}})["properties"]["days"] == days
