"""Makes a tool's own schemas parts of a larger document: their references resolve there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

Schema = Any
"""A JSON schema: an object, or true or false."""

_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_ALTERNATIVES = frozenset({"allOf", "anyOf", "oneOf"})
_NESTED = _ALTERNATIVES | {
    *("additionalProperties", "contains", "else", "if", "items", "not", "prefixItems", "propertyNames", "then"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
_DOCUMENT_KEYWORDS = frozenset({"$id", "$schema"})
_CONVERTIBLE_FROM = {
    "boolean": ("string", "number"),
    "integer": ("string", "boolean"),
    "null": ("string",),
    "number": ("string", "boolean"),
}
_TYPES: Mapping[type, frozenset[str]] = {
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    str: frozenset({"string"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
    NoneType: frozenset({"null"}),
}


def moved(schema: Schema, pointer: str) -> Schema:
    """Returns `schema` for the place `pointer`: each reference within itself (`#/$defs/X`, `#`) leads there."""
    if not isinstance(schema, dict):
        return schema
    copy = _each_subschema(schema, lambda inner, _: moved(inner, pointer))
    if not _admits(schema, schema.get("default")):  # `x: int = None` in Python
        copy.pop("default", None)
    if isinstance(schema.get("$ref"), str):
        copy["$ref"] = _moved_reference(schema["$ref"], pointer)
    if isinstance(schema.get("discriminator"), dict):
        mapping = schema["discriminator"].get("mapping", {})
        mapping = {value: _moved_reference(reference, pointer) for value, reference in mapping.items()}
        copy["discriminator"] = {**schema["discriminator"], "mapping": mapping}
    return {key: value for key, value in copy.items() if key not in _DOCUMENT_KEYWORDS}


def accepted(schema: Schema) -> Schema:
    """Returns the schema of a tool's arguments, extended by the other types that are converted, as over MCP.

    Text is converted to numbers and booleans, these to each other, numbers to dates; JSON text to any argument that is
    no text. Items of a set may be repeated.
    """
    return _each_subschema(schema, lambda inner, key: _converted(inner, is_argument=key == "properties"))


def _converted(schema: Schema, is_argument: bool) -> Schema:
    if not isinstance(schema, dict):
        return schema
    copy = _each_subschema(schema, lambda inner, key: _converted(inner, is_argument and key in _ALTERNATIVES))
    copy.pop("uniqueItems", None)
    if "oneOf" in copy:  # a value may be converted to more than one of them
        copy["anyOf"] = copy.pop("oneOf")
    types = _types(schema)
    forms = [form for name in types for form in _CONVERTIBLE_FROM.get(name, ())]
    if "string" in types and "format" in schema:
        forms += ["number", "boolean"]
    if is_argument and ("$ref" in schema or {"array", "object"} & {*types}):
        forms.append("string")
    more = [form for form in dict.fromkeys(forms) if form not in types]
    if not more:
        return copy
    if "type" not in schema or {"const", "enum"} & schema.keys():
        return {"anyOf": [copy, {"type": more}]}
    return {**copy, "type": [*types, *more]}


def _each_subschema(schema: dict[str, Any], change: Callable[[Schema, str], Schema]) -> dict[str, Any]:
    """Returns a copy with each schema directly within changed; data (`default`, `enum`, `const`) stays."""
    copy = dict(schema)
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            copy[key] = {name: change(inner, key) for name, inner in value.items()}
        elif key in _NESTED:
            copy[key] = [change(inner, key) for inner in value] if isinstance(value, list) else change(value, key)
    return copy


def _admits(schema: Schema, value: Any) -> bool:
    """Returns True if the value is of the schema's types, or if it names none."""
    if not isinstance(schema, dict):
        return schema is not False
    if isinstance(schema.get("anyOf"), list):
        return any(_admits(inner, value) for inner in schema["anyOf"])
    return "type" not in schema or not _TYPES[type(value)].isdisjoint(_types(schema))


def _types(schema: dict[str, Any]) -> list[str]:
    return [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])


def _moved_reference(reference: str, pointer: str) -> str:
    return pointer + reference[1:] if reference == "#" or reference.startswith("#/") else reference
