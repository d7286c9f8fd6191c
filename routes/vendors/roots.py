"""Schemas of arguments as one object: no vendor accepts a union or a reference at the root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.argument_names import properties_of, target
from routes.vendors.schemas import Schema, as_note, noted

_COMBINING = ("$ref", "allOf", "anyOf", "oneOf")
_NOT_OF_OBJECTS = ("enum", "const", "not")


def as_object(schema: Mapping[str, Any]) -> Schema:
    """Returns the schema with `type` and `properties`, and without a union at its root.

    Its properties are those of all alternatives; those are required that each alternative requires. The description
    says what belongs together.
    """
    flat = _flat(schema, schema, frozenset())
    notes = [as_note(key, flat.pop(key)) for key in _NOT_OF_OBJECTS if key in flat]
    return noted({**flat, "type": "object", "properties": properties_of(flat)}, *notes)


def _flat(schema: Any, root: Mapping[str, Any], above: frozenset[str]) -> Schema:
    """Returns the schema without references and unions; `above` are the references that led to it."""
    if not isinstance(schema, dict):
        return {}
    flat = {key: value for key, value in schema.items() if key not in _COMBINING}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in above:
        flat = _both(flat, _flat(target(root, reference), root, above | {reference}))
    for part in _list(schema, "allOf"):
        flat = _both(flat, _flat(part, root, above))
    for key in ("anyOf", "oneOf"):
        alternatives = [_flat(part, root, above) for part in _list(schema, key)]
        objects = [each for each in alternatives if each.get("type", "object") == "object"]
        if objects:
            flat = noted(_both(flat, _either(objects)), *_sets(objects))
    return flat


def _list(schema: Schema, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _both(first: Schema, second: Schema) -> Schema:
    """Returns a schema for which both hold; of two values of a keyword the first one stays."""
    properties = {**properties_of(second), **properties_of(first)}
    required = [*dict.fromkeys([*_list(first, "required"), *_list(second, "required")])]
    return {**second, **first, "properties": properties, **({"required": required} if required else {})}


def _either(objects: list[Schema]) -> Schema:
    properties: dict[str, list[Any]] = {}
    for each in objects:
        for name, schema in properties_of(each).items():
            known = properties.setdefault(name, [])
            known += [] if schema in known else [schema]
    required = [
        name for name in _list(objects[0], "required") if all(name in _list(each, "required") for each in objects)
    ]
    return {
        "properties": {
            name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas} for name, schemas in properties.items()
        },
        "required": required,
    }


def _sets(objects: list[Schema]) -> Iterable[str]:
    """Yields a line that lists the arguments of each alternative, if there are several."""
    if len(objects) > 1:
        sets = [", ".join(map(str, _list(each, "required") or properties_of(each))) for each in objects]
        yield f"One of these sets of arguments: {'; or '.join(each or 'none' for each in sets)}."
