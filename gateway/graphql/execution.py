"""The execution of one operation: its tools are called, and what it selects of their results is put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from anyio import CapacityLimiter
from graphql import FieldNode, GraphQLError, GraphQLObjectType, OperationDefinitionNode
from graphql.execution.values import VariableValues
from pydantic_core import to_json

from gateway.graphql.bounds import Bounds
from gateway.graphql.calls import Calls
from gateway.graphql.documents import Document, Refused
from gateway.graphql.fields import SERVERS
from gateway.graphql.jobs import Job, Jobs
from gateway.graphql.schema import SERVER, ToolGraph
from gateway.graphql.selection import Selection
from gateway.graphql.unknown import TYPENAME

QUERY, MUTATION, SUBSCRIPTION = "query", "mutation", "subscription"
Emit = Callable[[bytes], Awaitable[None]]
INTROSPECTION = ("__schema", "__type")


class Execution:
    """Executes an operation once. `jobs` are its calls; `introspects` are its fields about the schema, by their keys.

    `given` are the variables as the client sent them, `variables` those that the operation declares.

    Raises Refused if there are too many calls.
    """

    def __init__(
        self,
        graph: ToolGraph,
        document: Document,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        bounds: Bounds,
    ) -> None:
        self.document, self.operation = document, operation
        self.given: Mapping[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.errors: list[dict[str, Any]] = []
        self.introspects: dict[str, list[FieldNode]] = {}
        self.kind = operation.operation.value
        self._graph = graph
        self._selection = Selection(graph.schema, document.fragments, variables)
        self._bounds = bounds
        self.jobs: list[Job] = []
        for job in self._calls_of(operation):
            self.jobs.append(job)
            if len(self.jobs) > bounds.calls:
                break
        if len(self.jobs) + len(self.introspects) > bounds.calls:
            raise Refused([GraphQLError(f"A request may have at most {bounds.calls} calls.")])

    async def run(self, calls: Calls, deadline: float, limiter: CapacityLimiter) -> None:
        """Calls the tools. No call begins after `deadline`, in seconds of the loop's clock."""
        run = Jobs(self._selection, self.errors, calls, deadline, limiter)
        if self.kind != QUERY or len(self.jobs) == 1:
            await run.each(iter(self.jobs))
        elif self.jobs:
            waiting = iter(self.jobs)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(len(self.jobs), self._bounds.at_once)):
                    tasks.create_task(run.each(waiting))

    async def stream(self, calls: Calls, deadline: float, limiter: CapacityLimiter, emit: Emit) -> None:
        """Calls the tool of a subscription, and `emit` with an answer for each of its reports and for its result."""
        run = Jobs(self._selection, self.errors, calls, deadline, limiter)
        for job in self.jobs:  # one, as GraphQL says, and perhaps unknown ones
            await run.job(job, partial(_report, run, job, emit))
        await emit(self.answer())

    def answer(self) -> bytes:
        """Returns what has been put together as JSON."""
        return to_json({"errors": self.errors, "data": self.data} if self.errors else {"data": self.data})

    def _calls_of(self, operation: OperationDefinitionNode) -> Iterator[Job]:
        root = self._graph.schema.get_root_type(operation.operation)
        query = self._graph.schema.query_type
        assert query is not None
        groups = self._selection.root(root or query, operation.selection_set)
        for key, nodes in groups.items():
            name = nodes[0].name.value
            self.data[key] = None
            if name == TYPENAME:
                self.data[key] = root.name if root else self.kind.title()
            elif self.kind != QUERY:
                field = root.fields.get(name) if root else None
                yield Job(self.data, key, (key,), nodes, field, is_stream=self.kind == SUBSCRIPTION)
            elif name == SERVERS:
                self.data[key] = self._graph.servers
            elif name in INTROSPECTION:
                self.introspects[key] = nodes
            else:
                yield from self._queries(query, key, nodes)

    def _queries(self, query: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Iterator[Job]:
        name = nodes[0].name.value
        field = query.fields.get(name)
        type_ = query if field is None else field.type.of_type
        server = name if field is None else field.extensions[SERVER]
        place: dict[str, Any] = {}
        self.data[key] = place
        for below, group in self._selection.below(type_, nodes).items():
            place[below] = None
            if group[0].name.value == TYPENAME:
                place[below] = type_.name
            else:
                found = None if field is None else type_.fields.get(group[0].name.value)
                yield Job(place, below, (key, below), group, found, server)


async def _report(run: Jobs, job: Job, emit: Emit, name: str, fields: Mapping[str, Any]) -> None:
    """Is the `Report` of the call of a subscription."""
    if (part := run.reported(job, name, fields)) is not None:
        await emit(to_json({"data": {job.key: part}}))
