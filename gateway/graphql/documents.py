"""Documents, parsed and validated once for each schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SingleFieldSubscriptionsRule,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from gateway.graphql.bounds import Bounds, Walk
from gateway.graphql.kept import Kept
from gateway.graphql.schema import ToolGraph
from gateway.graphql.selection import Selection, fragments_of
from gateway.graphql.unknown import Unknown

LONGEST = 64 * 1024
"""Characters of a document. Large values are sent as variables."""

SHORT = 300
"""Characters of a document that is read at once; a thread reads longer ones, while other requests are answered."""

MAX_ERRORS = 20
_LONGEST_MESSAGE = 500
_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
_OF_USES = (NoUnusedFragmentsRule, NoUnusedVariablesRule, SingleFieldSubscriptionsRule)


class Refused(Exception):
    """A request that is not executed, with its errors."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("The request was refused.")
        self.errors = [{**error.formatted, "message": error.message[:_LONGEST_MESSAGE]} for error in errors]


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed. Its fields that are no tools of the caller's are refused then."""

    text: str
    tree: DocumentNode
    fragments: Mapping[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Returns the operation of this name, or the only one. Raises Refused."""
        found = get_operation_ast(self.tree, name)
        if found is None:
            text = (
                "Send `operationName`: the document has several operations." if name is None else "Unknown operation."
            )
            raise Refused([GraphQLError(text)])
        return found


class Documents:
    """Those of one schema."""

    def __init__(self, graph: ToolGraph, bounds: Bounds, kept: Kept[Document], limiter: CapacityLimiter) -> None:
        self._unknown = Unknown(graph)
        self._graph = graph
        self._bounds = bounds
        self._kept = kept
        self._limiter = limiter

    async def read(self, text: str) -> Document:
        """Returns the document. Raises Refused."""
        document = self._kept.get((self, text))
        if document is not None:
            return document
        if len(text) > LONGEST:
            reason = f"A document may have at most {LONGEST} characters; send long values as variables."
            raise Refused([GraphQLError(reason)])
        if len(text) <= SHORT:
            document = self._read(text)
        else:
            document = await to_thread.run_sync(self._read, text, limiter=self._limiter)
        self._kept.keep((self, text), document, len(text))
        return document

    def _read(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=self._bounds.tokens)
            document = Document(text, tree, fragments_of(tree))
            known = self._validated(tree)
            self._walk(known)
        except GraphQLError as exc:
            raise Refused([exc]) from exc
        except RecursionError as exc:
            raise Refused([GraphQLError("The document is nested too deeply.")]) from exc
        return document

    def _validated(self, tree: DocumentNode) -> DocumentNode:
        """Returns the part of a document that is known. Raises Refused."""
        schema = self._graph.schema
        errors = validate(schema, tree, _RULES, MAX_ERRORS, hide_suggestions=True)
        if errors and (known := self._unknown.without(tree)) is not tree:
            rules = [rule for rule in _RULES if rule not in _OF_USES]
            tree, errors = known, validate(schema, known, rules, MAX_ERRORS, hide_suggestions=True)
        if errors:
            raise Refused(errors)
        return tree

    def _walk(self, tree: DocumentNode) -> None:
        schema, fragments = self._graph.schema, fragments_of(tree)
        walk = Walk(schema, Selection(schema, fragments), self._bounds.depth)
        for node in tree.definitions:
            if isinstance(node, OperationDefinitionNode) and (root := schema.get_root_type(node.operation)) is not None:
                walk.check(node, root)
