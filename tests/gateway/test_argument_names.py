"""Names that models see in place of a tool's own, at every part of a schema that can hold for a value."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.argument_names import MAX_LENGTH, has_unsafe_names, original_names, safe_names

PART = {"properties": {"a b": {"type": "integer"}}}
OWN, SAFE = {"a b": 1}, {safe_names(["a b"])["a b"]: 1}
DEFS = {"$defs": {"Part/s": {"anyOf": [PART]}, "Me": {"$ref": "#/$defs/Me"}}}


@pytest.mark.parametrize(
    ("schema", "wrap"),
    [
        (PART, lambda part: part),
        ({"properties": {"x": PART}}, lambda part: {"x": part}),
        ({"items": PART}, lambda part: [part, part]),
        ({"prefixItems": [{}, PART]}, lambda part: [OWN, part]),
        ({"prefixItems": [{}], "items": PART}, lambda part: [SAFE, part, part]),
        ({"items": [{}, PART], "additionalItems": PART}, lambda part: [SAFE, part, part]),
        ({"additionalProperties": PART}, lambda part: {"a b": part}),
        ({"patternProperties": {"^x": PART}}, lambda part: {"xy": part}),
        ({"allOf": [{}, {"oneOf": [True, PART]}]}, lambda part: part),
        ({"if": {}, "then": PART}, lambda part: part),
        ({"dependentSchemas": {"c": PART}}, lambda part: {"c": 1, **part}),
        ({"$ref": "#/$defs/Part~1s", **DEFS}, lambda part: part),
        ({"items": {"$ref": "#/$defs/Part~1s/anyOf/0"}, **DEFS}, lambda part: [part]),
        ({"properties": {"x": {"$ref": "#"}, "a b": {}}}, lambda part: {"x": {"x": part}}),
        ({"$ref": "#/$defs/Me", **DEFS}, lambda part: OWN),
        ({"$ref": "https://example.com/schema"}, lambda part: OWN),
        ({"$ref": "#/$defs/Part~1s/anyOf/x", **DEFS}, lambda part: OWN),
    ],
)
def test_safe_name_is_read_wherever_the_schema_names_it(schema: dict[str, Any], wrap: Any) -> None:
    assert original_names(wrap(SAFE), schema) == wrap(OWN)


def test_key_of_a_map_is_no_name() -> None:
    schema: dict[str, Any] = {"properties": {"a b": {}, "x": {"additionalProperties": {}}}}
    assert original_names({"x": SAFE}, schema) == {"x": SAFE}


def test_tree_of_any_width_is_read() -> None:
    schema: dict[str, Any] = {"properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}, "a b": {}}}

    def tree(depth: int, leaf: Any) -> Any:
        return {"l": tree(depth - 1, leaf), "r": tree(depth - 1, leaf)} if depth else leaf

    assert original_names(tree(10, SAFE), schema) == tree(10, OWN)


@pytest.mark.parametrize("name", ["", "9", "a b", "ä", "a.b", "x" * 65, "\ud800", "-"])
def test_safe_name_is_short_and_plain(name: str) -> None:
    safe = safe_names([name])[name]
    assert (safe.isidentifier(), safe.isascii(), len(safe) <= MAX_LENGTH) == (True, True, True)


@pytest.mark.parametrize("name", ["a", "_a9", "x" * 64])
def test_plain_name_stays(name: str) -> None:
    assert safe_names([name]) == {}
    assert not has_unsafe_names({"properties": {name: {}}})
