"""Answers about the schema itself. A thread makes each once; a large one takes a quarter of a second."""

from __future__ import annotations

from collections import OrderedDict
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

MAX_ANSWERS = 16
MAX_BYTES = 8 * 1024 * 1024
"""Answers that are kept for one schema, and their bytes together."""


class Introspection:
    def __init__(self, schema: GraphQLSchema, limiter: CapacityLimiter) -> None:
        self._schema = schema
        self._limiter = limiter
        self._kept: OrderedDict[tuple[str, str, bytes], bytes] = OrderedDict()
        self._bytes = 0
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
        key = (document.text, name, to_json(variables))
        found = self._kept.get(key)
        if found is None:
            found = await to_thread.run_sync(
                self._executed, document, operation, fields.values(), variables, limiter=self._limiter
            )
            self._keep(key, found)
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

    def _keep(self, key: tuple[str, str, bytes], found: bytes) -> None:
        if key in self._kept or len(found) > MAX_BYTES // 2:
            return
        self._kept[key] = found
        self._bytes += len(found)
        while len(self._kept) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
