"""Rewrites the JSON schemas of arguments, for vendors that accept a part of JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from typing import Any

from gateway.argument_names import MANY, NAMED, ONE, properties_of, safe_names

Schema = dict[str, Any]
Change = Callable[[Schema], Schema]

_LISTS = frozenset({"enum", "required"})
_MAY_BE_BOOLEAN = frozenset({"additionalProperties", "unevaluatedProperties", "unevaluatedItems"})


def rewritten(schema: Any, change: Change, opaque: Container[str] = ()) -> Schema:
    """Returns a copy with `change` applied to every schema in it, the innermost first; not in `opaque` keywords.

    Tuples are in `prefixItems`, and `true` and `false` are objects. What is no schema by any draft is left out.
    """
    if not isinstance(schema, dict):
        return change({"not": {}} if schema is False else {})
    changed: Schema = {}
    for key, value in _of_this_draft(schema).items():
        if key in opaque or (isinstance(value, bool) and key in _MAY_BE_BOOLEAN):
            changed[key] = value
        elif key in ONE:
            changed[key] = rewritten(value, change, opaque)
        elif key in MANY:
            if isinstance(value, list) and value:
                changed[key] = [rewritten(each, change, opaque) for each in value]
        elif key in NAMED:
            if isinstance(value, dict):
                changed[key] = {name: rewritten(each, change, opaque) for name, each in value.items()}
        elif key not in _LISTS or isinstance(value, list):
            changed[key] = value
    return change(changed)


def _of_this_draft(schema: Schema) -> Schema:
    """Returns a schema whose tuple is not in `items`, as until draft 2019-09, and is closed by `maxItems` alone."""
    if isinstance(schema.get("items"), list):
        rest = {key: value for key, value in schema.items() if key not in ("items", "additionalItems")}
        items = {"items": schema["additionalItems"]} if "additionalItems" in schema else {}
        schema = {**rest, "prefixItems": schema["items"], **items}
    if schema.get("items") is False:
        first = schema.get("prefixItems")
        open_ended = {key: value for key, value in schema.items() if key != "items"}
        schema = {"maxItems": len(first) if isinstance(first, list) else 0, **open_ended}
    return schema


def noted(schema: Schema, *notes: str) -> Schema:
    """Returns the schema with `notes` at the end of its description."""
    if not notes:
        return schema
    own = schema.get("description")
    lines = [*([own] if isinstance(own, str) and own else []), *notes]
    return referring({**schema, "description": "\n".join(lines)})


def referring(schema: Schema) -> Schema:
    """Returns a schema that has nothing beside `$ref` but keywords that begin with `$`."""
    reference = {key: value for key, value in schema.items() if key.startswith("$")}
    if "$ref" not in schema or len(reference) == len(schema):
        return schema
    rest = {key: value for key, value in schema.items() if key not in reference}
    return {**rest, "allOf": [*rest.get("allOf", []), reference]} if "anyOf" in rest else {**rest, "anyOf": [reference]}


def as_note(key: str, value: Any) -> str:
    """Returns a keyword as a line of a description."""
    return f"{key}: {json.dumps(value, ensure_ascii=False)}"


def renamed(schema: Schema, is_accepted: Callable[[str], object] = lambda name: False) -> Schema:
    """Returns the schema with safe names for its properties; each description then has the original one."""
    properties = properties_of(schema)
    changed = {name: safe for name, safe in safe_names(properties).items() if not is_accepted(name)}

    def safe_name(name: str) -> str:
        if name in properties or is_accepted(name):
            return changed.get(name, name)
        return safe_names([name]).get(name, name)  # of a union's part that requires a property of the whole

    result = dict(schema)
    if changed:
        result["properties"] = {
            changed.get(name, name): noted(each, as_note("name", name)) if name in changed else each
            for name, each in properties.items()
        }
    if isinstance(schema.get("required"), list):
        result["required"] = [safe_name(name) for name in schema["required"] if isinstance(name, str)]
    return result
