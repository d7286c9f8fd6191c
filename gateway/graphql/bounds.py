"""Bounds of a request, and a bounded walk over the fields of its document after fragments.

It takes the place of the library's rule that fields of one key must be the same, which compares every two of them: a
document of 2,000 tokens kept it busy for a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    get_named_type,
    is_composite_type,
    print_ast,
)
from graphql.type import GraphQLNamedType, GraphQLOutputType, introspection_types

from gateway.graphql.selection import Selection

MAX_STEPS = 10_000
"""Fields that the walk visits. Shared fragments make it visit a field again, in another place of the answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Tokens of a document, levels of its fields, calls of a request and those of a query that run at once."""

    tokens: int = 2000
    depth: int = 15
    calls: int = 50
    at_once: int = 10


class Walk:
    """Raises GraphQLError for fields that are too deep or contradict each other. `depth` is the most levels."""

    def __init__(self, schema: GraphQLSchema, selection: Selection, depth: int) -> None:
        self._schema = schema
        self._selection = selection
        self._depth = depth
        self._steps = 0
        self._seen: set[tuple[str, frozenset[int]]] = set()

    def check(self, operation: OperationDefinitionNode, root: GraphQLObjectType) -> None:
        """Checks an operation.

        Raises:
            GraphQLError
        """
        node = FieldNode(name=operation.name, selection_set=operation.selection_set)  # type: ignore[arg-type]
        self._type(root, [node], 1)

    def _type(self, type_: GraphQLNamedType, nodes: Sequence[FieldNode], depth: int) -> None:
        if isinstance(type_, GraphQLObjectType):
            self._object(type_, nodes, depth)
        elif isinstance(type_, GraphQLUnionType):
            shapes: dict[str, str] = {}
            for each in type_.types:
                for key, shape in self._object(each, nodes, depth).items():
                    if shapes.setdefault(key, shape) != shape:
                        raise GraphQLError(
                            f"Fields {key!r} have different types; give one of them another name.", nodes
                        )

    def _object(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode], depth: int) -> dict[str, str]:
        """Returns the form of the value of each key."""
        shapes = {}
        for key, group in self._selection.below(type_, nodes).items():
            self._steps += len(group)
            field = self._schema.get_field(type_, group[0].name.value)
            if depth > self._depth:
                raise GraphQLError(f"The fields are nested in more than {self._depth} levels.", group[0])
            if self._steps > MAX_STEPS:
                raise GraphQLError("The document selects too many fields.")
            self._check_same(key, group, type_)
            if field is not None:
                shapes[key] = _shape(field.type)
                self._below(get_named_type(field.type), group, depth + 1)
        return shapes

    def _below(self, type_: GraphQLNamedType, group: Sequence[FieldNode], depth: int) -> None:
        if not is_composite_type(type_):
            return
        place = (f"{depth}{type_.name}", frozenset(map(id, group)))
        if place not in self._seen:
            self._seen.add(place)
            self._type(type_, group, depth)

    def _check_same(self, key: str, group: Sequence[FieldNode], type_: GraphQLObjectType) -> None:
        name = group[0].name.value
        if type_.name in introspection_types and key != name:
            raise GraphQLError("Fields of the schema may have no other names.", group[0])
        if len(group) > 1:
            given = _arguments(group[0])
            if any(node.name.value != name or _arguments(node) != given for node in group[1:]):
                text = f"Fields {key!r} conflict: they are other fields, or have other arguments. Use aliases."
                raise GraphQLError(text, group)


def _arguments(node: FieldNode) -> list[tuple[str, str]]:
    return sorted((each.name.value, print_ast(each.value)) for each in node.arguments or ())


def _shape(type_: GraphQLOutputType) -> str:
    named = get_named_type(type_)
    return str(type_).replace(named.name, "{}") if is_composite_type(named) else str(type_)
