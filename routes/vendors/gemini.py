"""Tools for Gemini's API (`FunctionDeclaration.parametersJsonSchema`), which reads a part of JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.argument_names import MANY, NAMED, ONE, properties_of, subschemas
from gateway.tool import ToolInfo
from routes.vendors.roots import as_object
from routes.vendors.schemas import Schema, as_note, noted, referring, renamed, rewritten

_KEYWORDS = frozenset(
    {"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"}
    | {"minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties"}
    | {"required", "propertyOrdering"}
)
"""The documented ones, as of `GenerateContentConfig.response_json_schema`."""

_TOLD = (ONE | MANY | NAMED) - _KEYWORDS - {"allOf", "definitions"}
"""Keywords with schemas that stand in the description as they are."""

_SAY_NOTHING = frozenset({"$schema", "$comment"})


def gemini(name: str, tool: ToolInfo) -> dict[str, Any]:
    described = {"description": tool["description"]} if tool.get("description") else {}
    schema = rewritten(as_object(tool["inputSchema"]), _accepted, _TOLD)
    _free_cycles(schema)
    return {"name": name, **described, "parametersJsonSchema": schema}


def _accepted(schema: Schema) -> Schema:
    """Returns the schema with documented keywords; the others are told in the description."""
    schema = _with_enum(_with_one_union(_with_defs(referring(schema))))
    known = {key: value for key, value in schema.items() if key in _KEYWORDS}
    notes = [as_note(key, schema[key]) for key in schema if key not in known and key not in _SAY_NOTHING]
    return renamed(noted(known, *notes))


def _with_defs(schema: Schema) -> Schema:
    """Returns the schema with `$defs` for `definitions`, its name in earlier drafts."""
    if "definitions" in schema:
        schema["$defs"] = {**schema.pop("definitions"), **schema.get("$defs", {})}
    if isinstance(schema.get("$ref"), str):
        schema["$ref"] = schema["$ref"].replace("#/definitions/", "#/$defs/")
    return schema


def _with_one_union(schema: Schema) -> Schema:
    """Returns the schema with the first of `allOf`, which is not documented, as a union of one."""
    if "allOf" not in schema or "anyOf" in schema:
        return schema
    first, *others = schema.pop("allOf")
    return {**schema, "anyOf": [first], **({"allOf": others} if others else {})}


def _with_enum(schema: Schema) -> Schema:
    """Returns the schema with `const` as an `enum`; both only for text and numbers."""
    if "const" in schema and "enum" not in schema and _is_documented(schema["const"]):
        schema["enum"] = [schema.pop("const")]
    values = schema.get("enum")
    if values is None or (isinstance(values, list) and all(map(_is_documented, values))):
        return schema
    return noted({key: value for key, value in schema.items() if key != "enum"}, as_note("enum", values))


def _is_documented(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _free_cycles(root: Schema) -> None:
    """Makes the properties optional that lead back to the definition they are in: only such may."""
    escaped = {name: name.replace("~", "~0").replace("/", "~1") for name in root.get("$defs", {})}
    definitions = {f"#/$defs/{escaped[name]}": root["$defs"][name] for name in escaped}
    definitions["#"] = {key: value for key, value in root.items() if key != "$defs"}
    reached = {name: {*_references(each)} for name, each in definitions.items()}
    for name, definition in definitions.items():
        for schema in [*subschemas(definition)]:
            _free_properties(schema, name, reached)
    if "required" in root:
        root["required"] = definitions["#"]["required"]


def _free_properties(schema: Any, definition: str, reached: Mapping[str, set[str]]) -> None:
    properties, required = properties_of(schema), schema.get("required") or []
    cyclic = [name for name in required if definition in _closure({*_references(properties.get(name))}, reached)]
    if cyclic:
        schema["required"] = [name for name in required if name not in cyclic]
        for name in cyclic:
            properties[name] = noted(properties[name], "Required.")  # type: ignore[index]


def _references(schema: Any) -> Iterator[str]:
    return (each["$ref"] for each in subschemas(schema) if isinstance(each.get("$ref"), str))


def _closure(found: set[str], reached: Mapping[str, set[str]]) -> set[str]:
    waiting = [*found]
    while waiting:
        new = reached.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found
