"""Makes a tool's own schemas parts of a larger document: each model is a component with a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any
from urllib.parse import unquote

from pydantic_core import to_json

from gateway.naming import unambiguous
from routes.openapi.names import ComponentNames, folded

Schema = Any
"""A JSON schema: an object, or true or false."""

_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas"})
_NESTED = frozenset(
    {
        *("additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf", "prefixItems"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_DROPPED = frozenset({"$id", "$schema", "$anchor", "$defs", "definitions", "title"})
_ROOT = "#"
_TYPES: Mapping[type, frozenset[str]] = {
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    str: frozenset({"string"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
    NoneType: frozenset({"null"}),
}


def components(schema: Schema, wanted: str, names: ComponentNames, *, given: bool = False) -> dict[str, Schema]:
    """Returns the schema as components: itself first, under the wanted name, then each part that it refers to.

    Titles are the names, since generators make classes from them, too. `given` is True for arguments: their defaults
    are told in the descriptions, since openapi-typescript takes what has a default for what is always there.
    """
    move = _Move(schema, wanted, names, given)
    return {name: {**_object(move.moved(part)), "title": name} for name, part in move.parts()}


class _Move:
    """Moves one schema: each reference within it leads to a component."""

    def __init__(self, root: Schema, wanted: str, names: ComponentNames, given: bool) -> None:
        self._root = root
        self._given = given
        self._names = names
        self._wanted = wanted
        self._name_of = {_ROOT: names.claim(wanted)}
        self._found: list[tuple[str, Schema]] = [(self._name_of[_ROOT], self._first(root))]
        for name, inner in root.get("properties", {}).items() if isinstance(root, dict) else ():
            if isinstance(inner, dict) and (inner.get("type") == "object" or "enum" in inner):
                names.claim(f"{wanted}_{name}")  # generators give this name to the class of a nested object

    def _first(self, schema: Schema) -> Schema:
        """Returns the target of a schema that is a reference: generators read no component that is only another's."""
        pointer = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(pointer, str) or pointer in self._name_of or (part := part_at(self._root, pointer)) is None:
            return schema
        self._name_of[pointer] = self._name_of[_ROOT]
        return self._first(part)

    def parts(self) -> Iterable[tuple[str, Schema]]:
        """Yields the name and the schema of each component; moving one finds more."""
        yield from self._found

    def moved(self, schema: Schema) -> Schema:
        if not isinstance(schema, dict):
            return schema
        copy = {key: value for key, value in _each_subschema(schema, self.moved).items() if key not in _DROPPED}
        if not _admits(schema, schema.get("default")):  # `x: int = None` in Python
            copy.pop("default", None)
        if self._given and (default := copy.pop("default", None)) is not None:
            copy["description"] = f"{copy.get('description', '')} Default: `{to_json(default).decode()}`.".lstrip()
        if copy.get("format") == "binary":  # pydantic's for bytes, which are text in JSON: generators would send a file
            del copy["format"]
        if "enum" in copy and not {"type", "anyOf"} & copy.keys() and len(kinds := _by_type(copy["enum"])) > 1:
            copy["anyOf"] = [{"enum": values} for values in kinds.values()]
            del copy["enum"]  # generators make a class of one type
        if "array" in types_of(schema):
            copy.setdefault("items", {})  # generators want it, also beside `prefixItems`
        if "$ref" in copy and (name := self._component(copy.pop("$ref"))) is not None:
            copy["$ref"] = _reference(name)
        if isinstance(schema.get("discriminator"), dict):
            copy["discriminator"] = self._discriminator(schema["discriminator"])
        for name, inner in schema["properties"].items() if isinstance(schema.get("properties"), dict) else ():
            _keep_title(name, inner, copy["properties"][name])
        return copy

    def _discriminator(self, discriminator: Mapping[str, Any]) -> dict[str, Any]:
        found = {value: self._component(pointer) for value, pointer in discriminator.get("mapping", {}).items()}
        mapping = {value: _reference(name) for value, name in found.items() if name is not None}
        return {**discriminator, "mapping": mapping}

    def _component(self, pointer: Any) -> str | None:
        """Returns the name of the component for a reference; None if it leads to nothing within the schema."""
        if not isinstance(pointer, str):
            return None
        if pointer not in self._name_of:
            part = part_at(self._root, pointer)
            if part is None:
                return None
            [safe] = unambiguous([("", unquote(pointer.rpartition("/")[2]))])
            self._name_of[pointer] = self._names.claim(f"{self._wanted}_{safe}")
            self._found.append((self._name_of[pointer], part))
        return self._name_of[pointer]


def _each_subschema(schema: dict[str, Any], change: Callable[[Schema], Schema]) -> dict[str, Any]:
    """Returns a copy with each schema directly within changed; data (`default`, `enum`, `const`) stays."""
    copy = dict(schema)
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            copy[key] = {name: change(inner) for name, inner in value.items()}
        elif key in _NESTED:
            copy[key] = [change(inner) for inner in value] if isinstance(value, list) else change(value)
    return copy


def _keep_title(name: str, schema: Schema, copy: Schema) -> None:
    """Keeps the title that its author gave to a property as the description of one without."""
    title = schema.get("title") if isinstance(schema, dict) else None
    if isinstance(title, str) and "description" not in schema and folded(title) != folded(name):
        copy["description"] = f"{title}. {copy.get('description', '')}".rstrip()


def part_at(root: Schema, pointer: str) -> Schema | None:
    """Returns the schema at a JSON pointer such as `#/$defs/Person`; None if there is none."""
    if not pointer.startswith("#/"):
        return None
    found = root
    for escaped in pointer[2:].split("/"):
        key = unquote(escaped).replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict | bool) else None


def _object(schema: Schema) -> dict[str, Any]:
    """Returns a schema of true or false as an object, which can have a title."""
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"not": {}}


def _by_type(values: Iterable[Any]) -> dict[type, list[Any]]:
    """Returns the values of an enumeration by their types."""
    kinds: dict[type, list[Any]] = {}
    for value in values:
        kinds.setdefault(type(value), []).append(value)
    return kinds


def _admits(schema: Schema, value: Any) -> bool:
    """Returns True if the value is of the schema's types, or if it names none."""
    if not isinstance(schema, dict):
        return schema is not False
    if isinstance(schema.get("anyOf"), list):
        return any(_admits(inner, value) for inner in schema["anyOf"])
    return "type" not in schema or not _TYPES[type(value)].isdisjoint(types_of(schema))


def types_of(schema: dict[str, Any]) -> list[str]:
    return [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])


def _reference(name: str) -> str:
    return f"#/components/schemas/{name}"
