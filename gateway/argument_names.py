"""Names of arguments that every model's API accepts, in place of those that one of them would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

MAX_LENGTH = 64

_ACCEPTED = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_LENGTH - 1}}}")
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_]")
_HASH = 8
_UNIONS = ("anyOf", "oneOf", "allOf")

ONE = frozenset(
    {"items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"}
    | {"propertyNames", "if", "then", "else", "not"}
)
"""Keywords whose value is a schema."""

MANY = frozenset({*_UNIONS, "prefixItems"})
"""Keywords whose value is a list of schemas; `items` may be one too, before draft 2020-12."""

NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
"""Keywords whose value has schemas by their names."""


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Returns another name for each of the properties of one object that not every model's API accepts.

    Accepted is `[A-Za-z_][A-Za-z0-9_]*` of at most 64 characters. Another name ends in a hash, and is none of `names`.
    """
    names = [name for name in names if isinstance(name, str)]  # an author's schema may have anything
    taken, changed = {*names}, {}
    for name in names:
        if not _ACCEPTED.fullmatch(name):
            changed[name] = _hashed(name, taken)
            taken.add(changed[name])
    return changed


def _hashed(name: str, taken: set[str]) -> str:
    start = _NOT_SAFE.sub("_", name)
    start = start if start[:1].isalpha() or start[:1] == "_" else f"_{start}"
    salted = name
    while True:
        digest = sha256(salted.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
        safe = f"{start[: MAX_LENGTH - _HASH - 1]}_{digest}"
        if safe not in taken:
            return safe
        salted += "\0"


def has_unsafe_names(schema: Any) -> bool:
    """Returns True if `safe_names` changes the name of a property anywhere in `schema`."""
    return any(safe_names(properties_of(each)) for each in subschemas(schema))


def original_names(value: Any, schema: Mapping[str, Any]) -> Any:
    """Returns the value of a model with the names that `schema` has, in place of safe ones. The rest stays as it is."""
    return _restored(value, [schema], schema)


def _restored(value: Any, schemas: list[Any], root: Mapping[str, Any]) -> Any:
    """Returns `value`, for which all of `schemas` may hold: the alternatives of a union are tried together."""
    if not isinstance(value, dict | list):
        return value
    applied = [*_applied(schemas, root)]
    if isinstance(value, list):
        return [_restored(item, [*_item_schemas(applied, place)], root) for place, item in enumerate(value)]
    original = {safe: name for each in applied for name, safe in safe_names(properties_of(each)).items()}
    restored = {}
    for key, item in value.items():
        name = key if original.get(key, key) in value else original[key]
        restored[name] = _restored(item, [*_property_schemas(applied, name)], root)
    return restored


def _applied(schemas: Iterable[Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields the schemas and those that they refer to for the same value, each once."""
    waiting, seen = [*schemas], set()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        waiting += [target(root, schema["$ref"])] if "$ref" in schema else []
        waiting += [each for key in (*_UNIONS, "then", "else") for each in _as_list(schema.get(key))]


def target(root: Mapping[str, Any], reference: Any) -> Any:
    """Returns the part of the document `root` that a reference such as `#/$defs/Tree` leads to, or None."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for part in unquote(reference[1:]).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = dict(enumerate(found)).get(int(key) if key.isdecimal() else -1)
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _property_schemas(schemas: Iterable[Mapping[str, Any]], name: str) -> Iterator[Any]:
    for schema in schemas:
        properties = properties_of(schema)
        yield properties[name] if name in properties else schema.get("additionalProperties")


def _item_schemas(schemas: Iterable[Mapping[str, Any]], place: int) -> Iterator[Any]:
    for schema in schemas:
        rest = schema.get("items")
        first = rest if isinstance(rest, list) else schema.get("prefixItems")
        yield first[place] if isinstance(first, list) and place < len(first) else rest


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yields a schema and all the schemas in it. Without recursion: an author's schema may be of any depth."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            for key, value in each.items():
                if key in NAMED and isinstance(value, dict):
                    waiting += value.values()
                elif key in ONE or key in MANY:
                    waiting += _as_list(value)
