"""Fields that are no tools of the caller's.

One that exists and one that does not are refused alike by the chain, as in every other way to call. So they are taken
out of a document before it is validated; the others of the request are answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

from gateway.graphql.schema import SERVER, ToolGraph

TYPENAME = "__typename"


class Unknown:
    """Tells for one schema which fields are unknown tools."""

    def __init__(self, graph: ToolGraph) -> None:
        self._graph = graph
        schema = graph.schema
        self._roots = {
            OperationType.QUERY: schema.query_type,
            OperationType.MUTATION: schema.mutation_type,
            OperationType.SUBSCRIPTION: schema.subscription_type,
        }
        fields = schema.query_type.fields if schema.query_type else {}
        self._servers = {name: field.type.of_type for name, field in fields.items() if SERVER in field.extensions}
        self._server_of = {type_.name: name for name, type_ in self._servers.items()}
        self._types = {type_.name: type_ for type_ in (*self._roots.values(), *self._servers.values()) if type_}

    def is_server(self, field: FieldNode) -> bool:
        """Returns True for the field of a query that names a server without queries for the caller."""
        return field.selection_set is not None and field.name.value not in ("__schema", "__type", *self._servers)

    def is_tool(self, field: FieldNode, type_: GraphQLObjectType | None) -> bool:
        """Returns True for a field of a server, a mutation or a subscription that is no tool for the caller."""
        name = field.name.value
        known = type_ is not None and name in type_.fields
        server = None if type_ is None else self._server_of.get(type_.name)
        return not known and name != TYPENAME and not self._graph.is_callable(server, name)

    def without(self, document: DocumentNode) -> DocumentNode:
        """Returns the document without these fields; the same one if it has none."""
        definitions = tuple(self._definition(node) for node in document.definitions if not self._has_no_root(node))
        return document if definitions == document.definitions else replace(document, definitions=definitions)

    def _has_no_root(self, node: DefinitionNode) -> bool:
        """Returns True for an operation of which the caller may call nothing."""
        return isinstance(node, OperationDefinitionNode) and self._roots[node.operation] is None

    def _definition(self, node: DefinitionNode) -> DefinitionNode:
        if isinstance(node, OperationDefinitionNode):
            type_ = self._roots[node.operation]
        elif isinstance(node, FragmentDefinitionNode) and node.type_condition.name.value in self._types:
            type_ = self._types[node.type_condition.name.value]
        else:
            return node
        return replace(node, selection_set=self._selections(node.selection_set, type_))

    def _selections(self, found: SelectionSetNode, type_: GraphQLObjectType | None) -> SelectionSetNode:
        kept = tuple(self._kept(found, type_))
        return found if kept == found.selections else replace(found, selections=kept)

    def _kept(self, found: SelectionSetNode, type_: GraphQLObjectType | None) -> Iterator[SelectionNode]:
        is_query = type_ is self._graph.schema.query_type
        for node in found.selections:
            if isinstance(node, InlineFragmentNode):
                yield replace(node, selection_set=self._selections(node.selection_set, type_))
            elif not isinstance(node, FieldNode):
                yield node
            elif is_query and node.name.value in self._servers and node.selection_set is not None:
                below = self._selections(node.selection_set, self._servers[node.name.value])
                yield replace(node, selection_set=below)
            elif not (self.is_server(node) if is_query else self.is_tool(node, type_)):
                yield node
