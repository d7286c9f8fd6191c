"""The type of a field, made of the output schema of its tool."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from graphql import GraphQLField, GraphQLList, GraphQLObjectType, GraphQLOutputType, GraphQLUnionType

from gateway.graphql.types.making import MAX_VALUES, SCALARS, Making, never_null, text_of
from gateway.graphql.types.names import NOT_VALUES, UniqueNames, described, graphql_names
from gateway.graphql.types.objects import ObjectType
from gateway.graphql.types.scalars import JSON, STRING
from gateway.graphql.types.shapes import Shape, read

WHOLE, REST = "_raw", "_json"
"""Fields of ours: the whole object as the tool sent it, and its properties that the schema does not declare."""

KEYS = "keys"
"""The extension of an object type that has the real name of each property by its field."""

UNION = "union"
"""The extension of a union: the real name of its tag, and the name of the object type for each text of the tag."""

_WRAPPER = "x-fastmcp-wrap-result"
_WHOLE = GraphQLField(never_null(JSON), description="The whole object.")
_REST = GraphQLField(never_null(JSON), description="The properties that are no fields.")


def takes_result(schema: Mapping[str, Any]) -> bool:
    """Returns True for the schema of `{"result": value}` that the SDK and FastMCP make of any other value."""
    if schema.get(_WRAPPER) is True:
        return True
    is_single = [*Shape("object", schema).properties] == ["result"] and schema.get("required") == ["result"]
    return is_single and str(schema.get("title", "Output")).endswith("Output")


def output(schema: Mapping[str, Any] | None, prefix: str, names: UniqueNames) -> GraphQLOutputType:
    """Returns the type of a tool's result, `JSON` if its tool has no output schema."""
    if schema is None:
        return JSON
    made = Making(schema, prefix, "", names)
    part = schema["properties"]["result"] if takes_result(schema) else schema
    return _type(made, read(part, schema), "result", 0)


def _type(made: Making, shape: Shape, hint: str, depth: int) -> GraphQLOutputType:
    if shape.kind == "enum":
        # The values of a result are those of the tool, so all of them must be names that GraphQL accepts.
        is_exact = len(shape.values) <= MAX_VALUES
        is_exact = is_exact and all(name == shown for name, shown in graphql_names(shape.values, NOT_VALUES).items())
        return made.enum(shape, hint) if is_exact else STRING
    if shape.kind == "list":
        item = read(shape.schema.get("items"), made.root)
        if not made.may_make(depth):
            return JSON
        type_ = _type(made, item, hint, depth + 1)
        return GraphQLList(type_ if item.nullable else never_null(type_))
    if shape.kind == "object":
        return _object(made, shape, hint, depth)
    if shape.kind == "union":
        return _union(made, shape, hint, depth)
    return SCALARS[shape.kind]


def _object(made: Making, shape: Shape, hint: str, depth: int) -> GraphQLOutputType:
    key = id(shape.schema)
    if key not in made.made:
        if not made.may_make(depth):
            return JSON
        keys: dict[str, str] = {}
        made.made[key] = ObjectType(
            made.name_for(shape, hint),
            partial(_fields, made, shape, keys, depth + 1),
            description=text_of(shape.schema),
            extensions={KEYS: keys},
        )
    found: GraphQLOutputType = made.made[key]
    return found


def _fields(made: Making, shape: Shape, keys: dict[str, str], depth: int) -> dict[str, GraphQLField]:
    found, required, properties = {}, shape.required, shape.properties
    for name, shown in graphql_names(properties, (WHOLE, REST)).items():
        part = properties[name]
        each = read(part, made.root)
        type_ = _type(made, each, name, depth)
        keys[shown] = name
        text = text_of(part) if isinstance(part, dict) else None
        found[shown] = GraphQLField(
            never_null(type_) if name in required and not each.nullable else type_,
            description=described(text, name, shown),
        )
    found[WHOLE] = _WHOLE
    if shape.is_open:
        found[REST] = _REST
    return found


def _union(made: Making, shape: Shape, hint: str, depth: int) -> GraphQLOutputType:
    key = id(shape.schema)
    if key not in made.made:
        options = {text: _object(made, each, text, depth + 1) for text, each in (shape.options or {}).items()}
        objects = [each for each in options.values() if isinstance(each, GraphQLObjectType)]
        if len(objects) < len(options) or not made.may_make(depth):
            return JSON
        made.made[key] = GraphQLUnionType(
            made.name_for(shape, hint),
            objects,
            description=text_of(shape.schema),
            extensions={UNION: (shape.tag, {text: each.name for text, each in zip(options, objects, strict=True)})},
        )
    found: GraphQLOutputType = made.made[key]
    return found
