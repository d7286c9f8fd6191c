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
_CONDITIONS = ("if", "then", "else")
_NESTED = (dict, list)
_OTHER_PROPERTIES = ("additionalProperties", "unevaluatedProperties")
_OTHER_ITEMS = ("items", "additionalItems", "unevaluatedItems")

ONE = frozenset(
    {"items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"}
    | {"propertyNames", "not", *_CONDITIONS}
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
    return _read(value, _Place([schema], schema, {}))


def _read(value: Any, place: _Place) -> Any:
    if isinstance(value, list):
        length = place.tuple_length
        rest = place.item(length)
        if rest is None and not length:
            return value
        first = [_part(item, place.item(number)) for number, item in enumerate(value[:length])]
        return first + [_part(item, rest) for item in value[length:]]
    restored = {}
    for key, item in value.items():
        name = key if place.original.get(key, key) in value else place.original[key]  # the tool's own name wins
        restored[name] = _part(item, place.property(name))
    return restored


def _part(value: Any, place: _Place | None) -> Any:
    return value if place is None or not value or type(value) not in _NESTED else _read(value, place)


class _Place:
    """The schemas of one place in a value, with those they refer to. The alternatives of a union are tried together."""

    def __init__(
        self, schemas: list[Any], root: Mapping[str, Any], known: dict[tuple[int, ...], _Place | None]
    ) -> None:
        self._root = root
        self._known = known  # a recursive schema has as many places as it has parts, however deep the value is
        self._schemas = [*_applied(schemas, root)]
        self._parts: dict[str | int | None, _Place | None] = {}
        self._names = {name for each in self._schemas for name in properties_of(each)}
        self.original = {safe: name for each in self._schemas for name, safe in safe_names(properties_of(each)).items()}
        self.tuple_length = max((len(_prefix(each)) for each in self._schemas), default=0)

    def property(self, name: str) -> _Place | None:
        """Returns the place of a property's value; None if nothing in it has another name."""
        key = name if name in self._names else None
        if key not in self._parts:
            self._parts[key] = self._place(_property_schemas(self._schemas, name))
        return self._parts[key]

    def item(self, number: int) -> _Place | None:
        """Returns the place of an item; None if nothing in it has another name."""
        if number not in self._parts:
            self._parts[number] = self._place(_item_schemas(self._schemas, number))
        return self._parts[number]

    def _place(self, schemas: list[Any]) -> _Place | None:
        key = tuple(map(id, schemas))
        if key not in self._known:
            parts = [part for each in schemas for part in subschemas(each)]
            is_relevant = any("$ref" in part or safe_names(properties_of(part)) for part in parts)
            self._known[key] = _Place(schemas, self._root, self._known) if is_relevant else None
        return self._known[key]


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
        waiting += [each for key in (*_UNIONS, *_CONDITIONS) for each in _as_list(schema.get(key))]
        waiting += _values(schema, "dependentSchemas")


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


def _property_schemas(schemas: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    found: list[Any] = []
    for schema in schemas:
        properties = properties_of(schema)
        found += [properties[name]] if name in properties else [schema.get(key) for key in _OTHER_PROPERTIES]
        found += _values(schema, "patternProperties")
    return found


def _item_schemas(schemas: Iterable[Mapping[str, Any]], place: int) -> list[Any]:
    found: list[Any] = []
    for schema in schemas:
        first = _prefix(schema)
        found += [first[place]] if place < len(first) else [schema.get(key) for key in _OTHER_ITEMS]
    return found


def _prefix(schema: Mapping[str, Any]) -> list[Any]:
    found = [schema.get(key) for key in ("items", "prefixItems")]
    return next((each for each in found if isinstance(each, list)), [])


def _values(schema: Mapping[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    return [*value.values()] if isinstance(value, dict) else []


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yields a schema and all the schemas in it."""
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
