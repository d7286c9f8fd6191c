"""The fields that a selection means, after fragments, `@skip` and `@include`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_directive_values

Groups = Mapping[str, list[FieldNode]]
"""The fields of one place in the answer, by their keys there. Those of one key are one."""


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


@dataclass(frozen=True, slots=True)
class Selection:
    """Without `variables`, all fields are taken for included."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues | None = None

    def root(self, type_: GraphQLObjectType, selections: SelectionSetNode) -> Groups:
        found: dict[str, list[FieldNode]] = {}
        self._collect(type_, selections, found, set())
        return found

    def below(self, type_: GraphQLObjectType, nodes: Iterable[FieldNode]) -> Groups:
        """Returns the fields that several nodes of one field select together."""
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._collect(type_, node.selection_set, found, seen)
        return found

    def _collect(
        self, type_: GraphQLObjectType, selections: SelectionSetNode, found: dict[str, list[FieldNode]], seen: set[str]
    ) -> None:
        for node in selections.selections:
            if node.directives and not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
                continue
            part = self._fragment(node, seen)
            if part is not None and self._applies(part, type_):
                self._collect(type_, part.selection_set, found, seen)

    def _fragment(self, node: SelectionNode, seen: set[str]) -> FragmentDefinitionNode | InlineFragmentNode | None:
        """Returns what a fragment stands for; None for one that stands there already."""
        if isinstance(node, InlineFragmentNode):
            return node
        assert isinstance(node, FragmentSpreadNode)
        name = node.name.value
        if name in seen:
            return None
        seen.add(name)
        return self.fragments.get(name)

    def _applies(self, part: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLObjectType) -> bool:
        if part.type_condition is None or part.type_condition.name.value == type_.name:
            return True
        condition = self.schema.get_type(part.type_condition.name.value)
        return isinstance(condition, GraphQLUnionType) and self.schema.is_sub_type(condition, type_)

    def _is_included(self, node: SelectionNode) -> bool:
        if self.variables is None:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip is not None and skip["if"] is True:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return include is None or include["if"] is True
