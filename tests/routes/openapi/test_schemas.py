"""Schemas of tools inside the document, and the other forms of arguments that are accepted."""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter

from routes.openapi.schemas import accepted, moved

HERE = "#/components/schemas/here"


class Level(IntEnum):
    LOW = 1


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list[Cat | Dog] = []


def in_a_document(schema: Any) -> Draft202012Validator:
    return Draft202012Validator({"$ref": HERE, "components": {"schemas": {"here": schema}}})


def test_references_point_to_the_new_place() -> None:
    schema = {"$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}, "properties": {"a": {"$ref": "#/$defs/A"}}}
    assert moved(schema, HERE) == {
        "$defs": {"A": {"items": {"$ref": f"{HERE}/$defs/A"}}},
        "properties": {"a": {"$ref": f"{HERE}/$defs/A"}},
    }


def test_schema_that_is_recursive_at_its_root_stays_recursive() -> None:
    schema = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
    validator = in_a_document(moved(schema, HERE))
    assert validator.is_valid({"next": {"next": {"next": None}}})
    assert not validator.is_valid({"next": {"next": {"next": 1}}})


def test_discriminator_maps_to_the_new_place() -> None:
    kinds = Annotated[Cat | Dog, Field(discriminator="kind")]
    schema = moved(TypeAdapter(kinds).json_schema(), HERE)
    assert schema["discriminator"]["mapping"] == {"cat": f"{HERE}/$defs/Cat", "dog": f"{HERE}/$defs/Dog"}
    validator = in_a_document(schema)
    assert validator.is_valid({"kind": "dog", "friends": [{"kind": "cat", "lives": 9}]})
    assert not validator.is_valid({"kind": "dog", "friends": [{"kind": "cat"}]})


def test_data_that_looks_like_a_reference_is_not_changed() -> None:
    data = {"$ref": "#/$defs/A"}
    schema = {
        "properties": {"$ref": {"type": "string"}, "a": {"default": data, "examples": [data]}, "b": {"enum": [data]}},
        "additionalProperties": {"$ref": "https://example.org/other"},
    }
    assert moved(schema, HERE) == schema
    assert moved(True, HERE) is True


def test_schema_and_id_keywords_are_removed() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "urn:x", "type": "object"}
    assert moved(schema, HERE) == {"type": "object"}


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
    assert ("default" in moved(schema, HERE)) is stays


@pytest.mark.parametrize(
    ("kind", "forms"),
    [
        (int, ["1", True]),
        (float, ["1.5", True]),
        (bool, ["yes", 1]),
        (date, [0, "2020-01-01T00:00:00"]),
        (Level, ["1", True]),
        (list[int], ['["1"]', [True]]),
        (dict[str, int], ['{"a": 1}', {"a": "1"}]),
        (set[str], [["a", "a"]]),
        (tuple[int, str], [["1", "a"]]),
        (Cat, ['{"kind": "cat", "lives": 9}', {"kind": "cat", "lives": "9"}]),
        (Cat | None, ["null"]),
        (Annotated[Cat | Dog, Field(discriminator="kind")], ['{"kind": "dog"}', {"kind": "dog", "friends": []}]),
    ],
)
def test_convertible_forms_are_accepted(kind: Any, forms: list[Any]) -> None:
    schema = TypeAdapter(kind).json_schema()
    definitions = schema.pop("$defs", {})
    arguments = {"type": "object", "properties": {"a": schema}, "required": ["a"], "$defs": definitions}
    validator = Draft202012Validator(accepted(arguments))
    assert [form for form in forms if not validator.is_valid({"a": form})] == []
    assert not validator.is_valid({})


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ({"type": "string"}, [1, None, True, []]),
        ({"type": "integer", "minimum": 0}, [-1, None, [], {}]),
        ({"type": "array", "items": {"type": "string"}}, [[1], 1, {}]),
        ({"enum": ["a", "b"], "type": "string"}, ["c", 1]),
        ({"type": "object", "additionalProperties": False}, [{"a": 1}, []]),
    ],
)
def test_other_forms_are_not_accepted(schema: dict[str, Any], wrong: list[Any]) -> None:
    validator = Draft202012Validator(accepted({"properties": {"a": schema}}))
    assert [value for value in wrong if validator.is_valid({"a": value})] == []


def test_declared_type_comes_first_and_keeps_its_bounds() -> None:
    schema = accepted({"properties": {"a": {"type": "integer", "minimum": 0, "title": "A"}}})
    assert schema["properties"]["a"] == {"type": ["integer", "string", "boolean"], "minimum": 0, "title": "A"}


def test_text_inside_an_argument_is_not_read_as_json() -> None:
    validator = Draft202012Validator(accepted({"properties": {"a": {"type": "array", "items": {"type": "array"}}}}))
    assert validator.is_valid({"a": "[[]]"})
    assert not validator.is_valid({"a": ["[]"]})
