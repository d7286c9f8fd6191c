"""The scalars: those of GraphQL, without its conversions, and `Long` and `JSON`.

A number keeps its form on the way to the tool and back: 10 stays 10 where a `Float` is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLError,
    GraphQLScalarType,
    IntValueNode,
    ValueNode,
    print_ast,
    value_from_ast_untyped,
)
from graphql.type import GraphQLBoolean, GraphQLInt, GraphQLString

SMALLEST, LARGEST = -(2**31), 2**31 - 1
"""The bounds of `Int`."""


def _is_whole(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _is_int(value: Any) -> bool:
    return _is_whole(value) and SMALLEST <= value <= LARGEST


FITS: Mapping[str, Callable[[Any], bool]] = {
    "Int": _is_int,
    "Long": _is_whole,
    "Float": _is_number,
    "String": lambda value: type(value) is str,
    "Boolean": lambda value: type(value) is bool,
    "JSON": lambda value: True,
}
"""Tells of a value in a result if it is one of the scalar."""


def _readers(name: str) -> tuple[Callable[[Any], Any], Callable[..., Any]]:
    name = "Float" if name == "Number" else name
    fits = FITS[name]

    def parse_value(value: Any) -> Any:
        if not fits(value):
            raise GraphQLError(f"{name} cannot represent a value of another type.")
        return value

    def parse_literal(node: ValueNode, variables: Mapping[str, Any] | None = None) -> Any:
        if isinstance(node, IntValueNode):
            return int(node.value)
        if name == "Float" and isinstance(node, FloatValueNode):
            return float(node.value)
        raise GraphQLError(f"{name} cannot represent {print_ast(node)[:80]}.", node)

    return parse_value, parse_literal


def _scalar(name: str, description: str) -> GraphQLScalarType:
    value, literal = _readers(name)
    return GraphQLScalarType(name, parse_value=value, parse_literal=literal, description=description)


def _untyped(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)


INT, STRING, BOOLEAN = GraphQLInt, GraphQLString, GraphQLBoolean
FLOAT = _scalar("Number", "A number. One without a fraction stays without.")
LONG = _scalar("Long", "A whole number of any size.")
JSON = GraphQLScalarType(
    "JSON",
    parse_value=lambda value: value,
    parse_literal=_untyped,
    description="Any JSON value, where the tool's schema says what GraphQL cannot.",
)

FLOAT.name = "Float"  # only so: the library refuses to make another one, and its own would turn 10 into 10.0
