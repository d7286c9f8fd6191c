"""Schemas of arguments that servers have and that some vendor would refuse, and tools that have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

S, I = {"type": "string"}, {"type": "integer"}  # noqa: E741
NODE = {"type": "object", "properties": {"label": S, "next": {"$ref": "#/$defs/Node"}}, "required": ["label"]}
STRICT_NODE = {**NODE, "required": ["label", "next"]}
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": I}, "required": ["kind", "lives"]}
DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "good": {"type": "boolean"}}, "required": ["kind"]}
LONG = "Says a lot. " * 200


def of(schema: Any, **more: Any) -> dict[str, Any]:
    """Returns the schema of a tool with one required argument `x`."""
    return {"type": "object", "properties": {"x": schema}, "required": ["x"], **more}


def named(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, S), "required": [*names]}


PARTS: Mapping[str, Any] = {
    "any": {},
    "true": True,
    "false": False,
    "null": {"type": "null"},
    "nullable": {"type": ["string", "null"]},
    "nullable-array": {"type": ["array", "null"]},
    "bare-array": {"type": "array"},
    "array-of-anything": {"type": "array", "items": True},
    "tuple": {"type": "array", "prefixItems": [I, S], "minItems": 2, "maxItems": 2},
    "tuple-of-one-kind": {"type": "array", "prefixItems": [I, I], "minItems": 2, "maxItems": 2},
    "tuple-closed": {"type": "array", "prefixItems": [I, S], "items": False},
    "tuple-open": {"type": "array", "prefixItems": [I]},
    "tuple-with-rest": {"type": "array", "prefixItems": [I], "items": S},
    "tuple-of-nothing": {"type": "array", "maxItems": 0},
    "tuple-of-tuples": {"type": "array", "prefixItems": [{"type": "array", "prefixItems": [S]}], "maxItems": 1},
    "tuple-of-draft-7": {"type": "array", "items": [I, S], "additionalItems": False},
    "tuple-without-type": {"prefixItems": [I, S]},
    "set": {"type": "array", "items": S, "uniqueItems": True},
    "contains": {"type": "array", "contains": I, "minContains": 2},
    "enum-of-text": {"enum": ["red", "blue"], "type": "string"},
    "enum-of-numbers": {"enum": [1, 2.5]},
    "enum-of-mixed": {"enum": ["a", 1, None, True]},
    "enum-of-objects": {"enum": [{"a": 1}, []]},
    "enum-of-one": {"const": "only"},
    "const-null": {"const": None},
    "const-object": {"const": {"a": [1]}},
    "date": {"type": "string", "format": "date"},
    "date-time": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
    "duration": {"type": "string", "format": "duration", "default": "PT1H"},
    "bytes": {"type": "string", "format": "binary", "contentEncoding": "base64", "contentMediaType": "image/png"},
    "bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.1},
    "pattern": {"type": "string", "pattern": "^ä[a-z]+$", "minLength": 1, "maxLength": 9, "examples": ["äb"]},
    "map": {"type": "object", "additionalProperties": I, "propertyNames": {"pattern": "^a"}, "minProperties": 1},
    "map-of-patterns": {"type": "object", "patternProperties": {"^x-": S}, "additionalProperties": False},
    "long-description": {"type": "string", "description": LONG},
    "union": {"anyOf": [S, I, {"type": "array", "items": {"type": "boolean"}}]},
    "one-of": {"oneOf": [CAT, DOG], "discriminator": {"propertyName": "kind"}},
    "all-of-one": {"allOf": [CAT], "description": "A cat."},
    "all-of-two": {"allOf": [CAT, DOG]},
    "all-of-and-any-of": {"allOf": [S], "anyOf": [{"minLength": 1}, {"pattern": "^a"}]},
    "not": {"not": {"type": "string"}},
    "condition": {"type": "object", "if": CAT, "then": DOG, "else": {"required": ["x"]}},
    "dependent": {"type": "object", "properties": {"a": S, "b": S}, "dependentRequired": {"a": ["b"]}},
    "names-of-keywords": {"type": "object", "properties": {"$ref": S, "items": I, "anyOf": S, "properties": S}},
    "other-names": named("größe", "a b", "@type", "9", "x" * 65, "naïve.name", "per-page", "", "日本語"),
    "extension": {"type": "string", "x-order": 1, "deprecated": True, "readOnly": False},
    "malformed-lists": {"type": "object", "required": True, "allOf": [], "enum": "a", "prefixItems": {}},
    "malformed": {"type": "object", "properties": None, "anyOf": {}, "$defs": [], "items": None},
}
"""Schemas of one argument."""

WHOLE: Mapping[str, Any] = {
    "reference": of({"$ref": "#/$defs/Cat"}, **{"$defs": {"Cat": CAT}}),
    "reference-and-more": of({"$ref": "#/$defs/Cat", "description": "Mine.", "default": {}}, **{"$defs": {"Cat": CAT}}),
    "reference-and-union": of({"$ref": "#/$defs/Cat", "anyOf": [DOG, CAT]}, **{"$defs": {"Cat": CAT}}),
    "reference-of-draft-7": of({"$ref": "#/definitions/Cat"}, definitions={"Cat": CAT}),
    "recursive": of({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": NODE}}),
    "recursive-and-required": of({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": STRICT_NODE}}),
    "recursive-by-an-odd-name": of({"$ref": "#/$defs/a~1b"}, **{"$defs": {"a/b": of({"$ref": "#/$defs/a~1b"})}}),
    "recursive-by-another": of(
        {"$ref": "#/$defs/A"}, **{"$defs": {"A": of({"$ref": "#/$defs/B"}), "B": of({"$ref": "#/$defs/A"})}}
    ),
    "recursive-root": of({"type": "array", "items": {"$ref": "#"}}),
    "root-reference": {"$ref": "#/$defs/Cat", "$defs": {"Cat": CAT}},
    "root-reference-to-itself": {"$ref": "#/$defs/Me", "$defs": {"Me": {"$ref": "#/$defs/Me"}}},
    "root-any-of": {"anyOf": [CAT, DOG, {"type": "null"}]},
    "root-one-of-required": {**of(S), "required": [], "oneOf": [{"required": ["x"]}, {"required": []}]},
    "root-all-of": {"type": "object", "allOf": [CAT, {"$ref": "#/$defs/Dog"}], "$defs": {"Dog": DOG}},
    "root-not": {**of(S), "not": {"required": ["y"]}, "enum": [{"x": "a"}]},
    "root-empty": {},
    "root-without-properties": {"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema"},
    "other-names": named("größe", "a b", "@type", "per-page", "x.y", "y" * 80),
    "other-names-in-a-union": {
        **named("größe"),
        "required": [],
        "anyOf": [of({"anyOf": [named("ä"), named("b c")]}), {"required": ["größe"]}],
    },
    "other-names-that-meet": named("a b", "a_b", "a_b_c8687a08", "a.b"),
}
"""Schemas of all arguments."""

SCHEMAS: Mapping[str, Any] = {**{f"x-{name}": of(part) for name, part in PARTS.items()}, **WHOLE}
DESCRIPTIONS: Mapping[str, str] = {"recursive": LONG, "root-empty": "", "root-any-of": "ä" * 1025}


def anything() -> None:
    pass


def server(name: str = "odd") -> MCPServer[Any]:
    """Returns a server with a tool of each schema, under names that no vendor or not each one accepts."""
    plain = Tool.from_function(anything)
    tools = [
        plain.model_copy(
            update={"name": f"{key}.tool é", "parameters": schema, "description": DESCRIPTIONS.get(key, key)}
        )
        for key, schema in SCHEMAS.items()
    ]
    return MCPServer(name, tools=tools)
