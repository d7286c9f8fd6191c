"""Sample arguments of a tool, made of its schema: valid, small, and such as a person would type."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from routes.openapi.schemas import Schema, part_at, types_of

MAX_ITEMS = 20
MAX_LENGTH = 200
"""Characters of a text. A sample that needs a longer one, or more items, would be none for a person."""

MAX_MATCHED = 20
"""Characters of a text that is matched with an author's pattern, which may take time exponential in them."""

MAX_STEPS = 500

_FORMATS: Mapping[str, str] = {
    "date": "2026-07-28",
    "date-time": "2026-07-28T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "name@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "uri-reference": "/path",
    "uuid": "5f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ipv4network": "192.0.2.0/24",
    "ipv6network": "2001:db8::/32",
    "base64url": "aGVsbG8=",
    "regex": "a+",
}
_TEXTS = (*_FORMATS.values(), "a1", "A1", "1.0", "1.0.0", "en-US", "EUR", "+15550100", "#336699", "a-b", "a_b", "a/b")
_OF_KEYWORD = {"properties": "object", "required": "object", "items": "array", "prefixItems": "array"} | {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}


class _NoSample(Exception):
    """No valid value was found."""


def sample_arguments(schema: Schema) -> dict[str, Any] | None:
    """Returns the required arguments of a call that the schema allows; None if none was found.

    Values are the schema's own examples, defaults and alternatives where it has any.
    """
    try:
        found = _Sample(schema).of(schema)
    except Exception:  # the schema is an author's, of any form, and may be no schema
        return None
    return found if isinstance(found, dict) else None


class _Sample:
    """Makes one sample, and checks each value that it takes."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._validator = Draft202012Validator(root, registry=Registry())  # the empty one: nothing is fetched
        self._numbers: Iterator[int] = chain((10, 32), count(3))
        self._open: list[str] = []
        self._steps = count()
        self._makes: Mapping[str, Callable[[dict[str, Any]], Iterator[Any]]] = {
            "object": self._objects,
            "array": self._arrays,
            "string": self._texts,
            "integer": self._numbers_of,
            "number": self._numbers_of,
            "boolean": lambda _: iter([True]),
            "null": lambda _: iter([None]),
        }

    def of(self, schema: Schema) -> Any:
        """Returns the first value that is valid. Raises _NoSample, and RecursionError after too many steps."""
        if next(self._steps) > MAX_STEPS:
            raise RecursionError
        allowed = self._validator.evolve(schema=schema)
        for value in self._candidates(schema if isinstance(schema, dict) else {}):
            if allowed.is_valid(value):
                return value
        raise _NoSample

    def _candidates(self, schema: dict[str, Any]) -> Iterator[Any]:
        for keyword in ("examples", "enum"):
            yield from schema[keyword] if isinstance(schema.get(keyword), list) else ()
        yield from (schema[keyword] for keyword in ("const", "default") if keyword in schema)
        if isinstance(pointer := schema.get("$ref"), str):
            yield from self._referred(pointer, schema)
        for keyword in ("anyOf", "oneOf"):
            for branch in sorted(schema.get(keyword, ()), key={"type": "null"}.__eq__):
                yield from self._tried(_merged(schema, branch, keyword))
        if "allOf" in schema:
            whole = schema
            for part in schema["allOf"]:
                whole = _merged(whole, part, "allOf")
            yield from self._tried(whole)
        kinds = types_of(schema) or [kind for keyword, kind in _OF_KEYWORD.items() if keyword in schema] or ["string"]
        for kind in dict.fromkeys(sorted(kinds, key="null".__eq__)):
            yield from self._makes[kind](schema)

    def _referred(self, pointer: str, schema: dict[str, Any]) -> Iterator[Any]:
        """Yields a value for the target of a reference. One within itself has none: it would have no end."""
        target = part_at(self._root, pointer)
        if pointer not in self._open and isinstance(target, dict):
            self._open.append(pointer)
            yield from self._tried(_merged(schema, target, "$ref"))
            self._open.pop()

    def _tried(self, schema: Schema) -> Iterable[Any]:
        try:
            return [self.of(schema)]
        except _NoSample:
            return []

    def _objects(self, schema: dict[str, Any]) -> Iterator[Any]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        required = schema.get("required", [])
        found = {name: self.of(known.get(name, others)) for name in required}
        yield found
        for name in [name for name in known if name not in required]:
            for value in self._tried(known[name]):
                found = {**found, name: value}
        yield found
        yield {f"key{number + 1}": self.of(others) for number in range(min(schema.get("minProperties", 0), MAX_ITEMS))}

    def _arrays(self, schema: dict[str, Any]) -> Iterator[Any]:
        first = [self.of(item) for item in schema.get("prefixItems", ())]
        items, least = schema.get("items", True), schema.get("minItems", 0)
        if isinstance(items, dict) and schema.get("maxItems", 1) > 0 and not first:
            least = max(least, 1)
        try:
            yield first + [self.of(items) for _ in range(min(least, MAX_ITEMS) - len(first))]
        except _NoSample:
            yield []

    def _texts(self, schema: dict[str, Any]) -> Iterator[Any]:
        if "contentSchema" in schema and schema.get("contentMediaType") == "application/json":
            yield json.dumps(self.of(schema["contentSchema"]))
        least, most = min(schema.get("minLength", 0), MAX_LENGTH), schema.get("maxLength", MAX_LENGTH)
        found = [_FORMATS[schema["format"]]] if schema.get("format") in _FORMATS else []
        found.append("hello".ljust(least, "o")[:most])
        if "pattern" in schema:
            found += [*_TEXTS, *(letter * length for length in range(1, 13) for letter in "aA1")]
            found = [text for text in found if len(text) <= MAX_MATCHED]
        yield from found

    def _numbers_of(self, schema: dict[str, Any]) -> Iterator[Any]:
        yield next(self._numbers)
        low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
        high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
        step = schema.get("multipleOf", 1)
        yield from (step * factor for factor in (1, 0))
        for bound in (bound for bound in (low, high) if math.isfinite(bound)):
            nearest = math.floor(bound / step)
            yield from (step * (nearest + more) for more in (0, 1, -1))
        if math.isfinite(low + high):
            yield (low + high) / 2


def _merged(schema: dict[str, Any], part: Schema, keyword: str) -> Schema:
    """Returns a schema with one of its parts in place of the keyword that has it."""
    rest = {key: value for key, value in schema.items() if key != keyword}
    if not isinstance(part, dict):
        return rest if part else False
    for key in ("properties", "$defs"):
        if key in rest and key in part:
            part = {**part, key: {**rest[key], **part[key]}}
    if "required" in rest and "required" in part:
        part = {**part, "required": [*dict.fromkeys([*rest["required"], *part["required"]])]}
    return {**rest, **part}
