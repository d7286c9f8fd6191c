"""The parts that input and output types have in common: scalars, enums, names, and bounds on what one tool may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLEnumValue, GraphQLNonNull, GraphQLScalarType

from gateway.graphql.types.names import NOT_VALUES, UniqueNames, described, graphql_names
from gateway.graphql.types.objects import EnumType
from gateway.graphql.types.scalars import BOOLEAN, FLOAT, INT, JSON, LONG, STRING
from gateway.graphql.types.shapes import Shape

MAX_TYPES = 400
"""Types of one schema of a tool; what is beyond them is `JSON`."""

MAX_DEPTH = 24
MAX_VALUES = 500
SCALARS: Mapping[str, GraphQLScalarType] = {
    "Int": INT,
    "Long": LONG,
    "Float": FLOAT,
    "String": STRING,
    "Boolean": BOOLEAN,
    "JSON": JSON,
}
_NEVER_NULL: Mapping[Any, GraphQLNonNull[Any]] = {scalar: GraphQLNonNull(scalar) for scalar in SCALARS.values()}


class Making:
    """The types of one schema of a tool. One part of the document is one type, so recursion ends."""

    def __init__(self, root: Mapping[str, Any], prefix: str, suffix: str, names: UniqueNames) -> None:
        self.root = root
        self.made: dict[int, Any] = {}
        self._prefix = prefix
        self._suffix = suffix
        self._names = names
        self._enums: dict[int, EnumType] = {}

    def may_make(self, depth: int) -> bool:
        return len(self.made) < MAX_TYPES and depth < MAX_DEPTH

    def name_for(self, shape: Shape, hint: str) -> str:
        name = shape.name or hint
        return self._names.take("_".join(filter(None, [self._prefix, name, self._suffix])), f"{self._prefix}.{name}")

    def enum(self, shape: Shape, hint: str) -> EnumType:
        key = id(shape.schema)
        if key not in self._enums:
            shown = graphql_names(shape.values, NOT_VALUES)
            values = {shown[each]: GraphQLEnumValue(each, described(None, each, shown[each])) for each in shape.values}
            name = self.name_for(shape, hint)
            self._enums[key] = EnumType(name, values, description=text_of(shape.schema))
        return self._enums[key]


def never_null(type_: Any) -> GraphQLNonNull[Any]:
    return _NEVER_NULL.get(type_) or GraphQLNonNull(type_)


def text_of(schema: Mapping[str, Any]) -> str | None:
    """Returns the description in a schema."""
    text = schema.get("description")
    return text if isinstance(text, str) and text else None
