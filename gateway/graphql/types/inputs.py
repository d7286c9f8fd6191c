"""Arguments of a field, made of the input schema of its tool."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
)

from gateway.graphql.types.making import MAX_VALUES, SCALARS, Making, never_null, text_of
from gateway.graphql.types.names import UniqueNames, described, graphql_names
from gateway.graphql.types.objects import InputType
from gateway.graphql.types.scalars import JSON, STRING
from gateway.graphql.types.shapes import Shape, read

MORE, RESUME = "_json", "_resume"
"""Arguments of ours: further arguments of the tool, and the answers to its questions."""

MORE_KEY, RESUME_KEY = "\0json", "\0resume"
"""Their keys among the values of a field's arguments: no tool has arguments of such names."""

ANSWERS = GraphQLInputObjectType(
    "Resume",
    {
        "requestState": GraphQLInputField(STRING, description="`requestState` of the error that asked."),
        "inputResponses": GraphQLInputField(JSON, description="The answers by the keys of `inputRequests`."),
    },
    description="Continues a call that asked for input.",
)
_MORE = GraphQLArgument(JSON, description="Further arguments, as an object.", out_name=MORE_KEY)
_RESUME = GraphQLArgument(ANSWERS, out_name=RESUME_KEY)


def arguments(schema: Mapping[str, Any], prefix: str, names: UniqueNames, asks: bool) -> dict[str, GraphQLArgument]:
    """Returns the arguments of a field. `asks` is True if its tool may ask for input."""
    made, shape = Making(schema, prefix, "input", names), Shape("object", schema)
    shown = graphql_names(shape.properties, (MORE, RESUME))
    required = shape.required
    found = {shown[name]: _argument(made, shape, name, shown[name], name in required) for name in shown}
    if not shape.says_all or "properties" not in schema:
        found[MORE] = _MORE
    if asks:
        found[RESUME] = _RESUME
    return found


def _argument(made: Making, shape: Shape, name: str, shown: str, is_required: bool) -> GraphQLArgument:
    type_ = _typed(made, shape, name, 0, is_required)
    part = shape.properties[name]
    text = text_of(part) if isinstance(part, dict) else None
    return GraphQLArgument(type_, description=described(text, name, shown), out_name=name)


def _typed(made: Making, shape: Shape, name: str, depth: int, is_required: bool) -> Any:
    found = read(shape.properties[name], made.root)
    type_ = _type(made, found, name, depth)
    return never_null(type_) if is_required and not found.nullable else type_


def _type(made: Making, shape: Shape, hint: str, depth: int) -> GraphQLInputType:
    if shape.kind == "enum" and len(shape.values) <= MAX_VALUES:
        return made.enum(shape, hint)
    if shape.kind == "list":
        item = read(shape.schema.get("items"), made.root)
        if not made.may_make(depth):
            return JSON
        type_ = _type(made, item, hint, depth + 1)
        return GraphQLList(type_ if item.nullable else never_null(type_))
    if shape.kind == "object" and shape.says_all:
        return _object(made, shape, hint, depth)
    return SCALARS.get(shape.kind, STRING if shape.kind == "enum" else JSON)


def _object(made: Making, shape: Shape, hint: str, depth: int) -> GraphQLInputType:
    key = id(shape.schema)
    if key not in made.made:
        if not made.may_make(depth):
            return JSON
        fields = partial(_fields, made, shape, depth + 1)
        name = made.name_for(shape, hint)
        made.made[key] = InputType(name, fields, description=text_of(shape.schema))
    found: GraphQLInputType = made.made[key]
    return found


def _fields(made: Making, shape: Shape, depth: int) -> dict[str, GraphQLInputField]:
    found, required, properties = {}, shape.required, shape.properties
    for name, shown in graphql_names(properties).items():
        type_ = _typed(made, shape, name, depth, name in required)
        part = properties[name]
        text = text_of(part) if isinstance(part, dict) else None
        found[shown] = GraphQLInputField(type_, description=described(text, name, shown), out_name=name)
    return found
