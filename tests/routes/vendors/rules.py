"""Documented rules of each vendor for the schema of arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

ONE = ("items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else")
MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
NAMED = ("properties", "$defs", "patternProperties")
SCHEMA_KEYS = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")
GEMINI = {
    *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"),
    *("minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"),
}


def within(schema: Any) -> Iterator[dict[str, Any]]:
    """Yields a schema and those in it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key, value in schema.items():
        parts = [value] if key in ONE else value if key in MANY else value.values() if key in NAMED else []
        for part in parts:
            yield from within(part)


def check_root(schema: Any) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert isinstance(schema["properties"], dict)
    assert not schema.keys() & {"anyOf", "oneOf", "allOf", "not", "enum", "const", "$ref"}
    for each in within(schema):
        if "$ref" in each:
            assert resolved(schema, each["$ref"]) is not None


def resolved(root: Any, reference: str) -> Any:
    for part in reference.split("/")[1:]:
        root = root[part.replace("~1", "/")]
    return root


def check_openai(schema: Any) -> None:
    check_root(schema)
    for each in within(schema):
        assert len(each.get("description", "")) <= 1024
        if "array" in str(each.get("type")) or "prefixItems" in each:
            assert isinstance(each["items"], dict)


def check_anthropic(schema: Any) -> None:
    check_root(schema)
    for each in within(schema):
        assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name) for name in each.get("properties", {}))


def check_gemini(schema: Any) -> None:
    check_root(schema)
    for each in within(schema):
        assert each.keys() <= GEMINI
        assert "$ref" not in each or all(key.startswith("$") for key in each)
        assert all(type(value) in (str, int, float) for value in each.get("enum", []))
        assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", name) for name in each.get("properties", {}))
    arguments = {key: value for key, value in schema.items() if key != "$defs"}
    for reference in {each["$ref"] for each in within(arguments) if "$ref" in each} - {"#"}:
        assert reference not in _required_references(schema, resolved(schema, reference))


def _required_references(root: Any, schema: Any) -> set[str]:
    """Returns the references that a value of `schema` cannot do without, by way of properties."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if "$ref" in each and each["$ref"] not in found:
            found.add(each["$ref"])
            waiting.append(resolved(root, each["$ref"]))
        waiting += [each["properties"][name] for name in each.get("required", []) if name in each.get("properties", {})]
    return found


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "openai": check_openai,
    "openai-responses": check_openai,
    "anthropic": check_anthropic,
    "gemini": check_gemini,
}


def functions(tools: Any) -> Iterator[tuple[str, str, Any]]:
    """Yields name, description and schema of each tool of a list in a vendor's format."""
    for tool in tools:
        for each in tool.get("functionDeclarations", [tool.get("function", tool)]):
            schema = next(each[key] for key in SCHEMA_KEYS if key in each)
            yield each["name"], each.get("description", ""), schema
