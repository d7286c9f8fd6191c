"""Answers about the schema itself. A thread makes each once; a large one takes a quarter of a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from anyio import CapacityLimiter, to_thread
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    print_schema,
)
from pydantic_core import to_json

from gateway.graphql.documents import Document, Refused
from gateway.graphql.kept import Kept


class Introspection:
    def __init__(self, schema: GraphQLSchema, kept: Kept[bytes], limiter: CapacityLimiter) -> None:
        self._schema = schema
        self._kept = kept
        self._limiter = limiter
        self._text: str | None = None

    async def text(self) -> str:
        """Returns the schema in GraphQL's own language."""
        if self._text is None:
            self._text = await to_thread.run_sync(print_schema, self._schema, limiter=self._limiter)
        return self._text

    async def answer(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        fields: Mapping[str, list[FieldNode]],
        variables: Mapping[str, Any],
    ) -> bytes:
        """Returns the JSON object that has the value of each of `fields`. Raises Refused."""
        name = operation.name.value if operation.name else ""
        key = (self, document.text, name, to_json(variables))
        found = self._kept.get(key)
        if found is None:
            found = await to_thread.run_sync(
                self._executed, document, operation, fields.values(), variables, limiter=self._limiter
            )
            self._kept.keep(key, found, len(found))
        return found

    def _executed(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        fields: Iterable[list[FieldNode]],
        variables: Mapping[str, Any],
    ) -> bytes:
        nodes = tuple(replace(node, directives=()) for group in fields for node in group)
        alone = OperationDefinitionNode(
            operation=OperationType.QUERY,
            variable_definitions=operation.variable_definitions,
            selection_set=SelectionSetNode(selections=nodes),
        )
        tree = DocumentNode(definitions=(alone, *document.fragments.values()))
        result = execute_sync(self._schema, tree, variable_values=dict(variables))
        if result.errors:
            raise Refused(result.errors)
        return to_json(result.data)
