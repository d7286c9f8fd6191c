"""The graphs of all callers. Callers who may call the same tools share one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import anyio
from anyio import CapacityLimiter, to_thread
from graphql import GraphQLError, OperationDefinitionNode
from graphql.execution import get_variable_values
from graphql.execution.values import VariableValues
from pydantic_core import from_json

from gateway.caller import Caller, Grants, caller
from gateway.graphql.bounds import Bounds
from gateway.graphql.calls import Calls
from gateway.graphql.documents import MAX_ERRORS, Document, Documents, Refused
from gateway.graphql.execution import Emit, Execution
from gateway.graphql.introspection import Introspection
from gateway.graphql.kept import Kept
from gateway.graphql.schema import ToolGraph
from gateway.graphql.tools import Seen
from gateway.graphql.visible import Key, has_versions, key_of, seen
from gateway.server import Callee

MAX_GRAPHS = 64
FEW_TOOLS = 20
"""The graph of so many tools is made at once; a thread makes a larger one, while other requests are answered."""

NO_VARIABLES = VariableValues({}, {})
MAX_DOCUMENTS, MAX_CHARACTERS = 1000, 256 * 1024
"""Documents that are kept, and the characters of all their texts: a parsed one takes up to 190 bytes for each."""

MAX_ANSWERS, MAX_BYTES = 64, 16 * 1024 * 1024
"""Answers about schemas that are kept, and their bytes."""


class Shares:
    """The stores and the threads that all graphs have in common. A result never waits for a document that is read."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.documents = Kept[Document](MAX_DOCUMENTS, MAX_CHARACTERS)
        self.answers = Kept[bytes](MAX_ANSWERS, MAX_BYTES)
        self.limiter = CapacityLimiter(1)
        self.results = CapacityLimiter(2)


class Graph:
    """The tools of one set, the documents for them, and the answers about their schema."""

    def __init__(self, tools: Sequence[Seen], shares: Shares) -> None:
        self._bounds = shares.bounds
        self._limiter = shares.limiter
        self._results = shares.results
        self.tools = ToolGraph(tools)
        self.documents = Documents(self.tools, shares.bounds, shares.documents, shares.limiter)
        self.introspection = Introspection(self.tools.schema, shares.answers, shares.limiter)

    async def prepare(self, text: str, operation: str | None, variables: Mapping[str, Any]) -> Execution:
        """Returns the execution of an operation. Raises Refused."""
        document = await self.documents.read(text)
        found = document.operation(operation)
        coerced = await self._coerced(found, variables) if found.variable_definitions else NO_VARIABLES
        try:
            execution = Execution(self.tools, document, found, coerced, self._bounds)
        except GraphQLError as exc:  # null for a condition of @skip or @include
            raise Refused([exc]) from exc
        execution.given = variables
        return execution

    async def execute(self, execution: Execution, calls: Calls, deadline: float) -> bytes:
        """Returns the answer as JSON. No call begins after `deadline`. Raises Refused."""
        await execution.run(calls, deadline, self._results)
        if execution.introspects:
            about = await self.introspection.answer(
                execution.document, execution.operation, execution.introspects, execution.given
            )
            if execution.introspects.keys() == execution.data.keys():
                return b'{"data":%b}' % about
            execution.data |= from_json(about)
        return execution.answer()

    async def stream(self, execution: Execution, calls: Calls, deadline: float, emit: Emit) -> None:
        """Calls `emit` with each answer of a subscription."""
        await execution.stream(calls, deadline, self._results, emit)

    async def _coerced(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> VariableValues:
        read = partial(
            get_variable_values,
            self.tools.schema,
            operation.variable_definitions or (),
            dict(variables),
            MAX_ERRORS,
            hide_suggestions=True,
        )
        is_small = all(type(value) not in (list, dict) for value in variables.values())
        found = read() if is_small else await to_thread.run_sync(read, limiter=self._limiter)
        if isinstance(found, VariableValues):
            return found
        raise Refused(found)


class Graphs:
    """Made when somebody asks, and again after a server or a tool came or went, which changes `revision`."""

    def __init__(self, servers: Iterable[Callee], revision: Callable[[], int], bounds: Bounds) -> None:
        self._shares = Shares(bounds)
        self._servers = servers
        self._revision = revision
        self._at = -1
        self._of_grants: WeakKeyDictionary[Grants, Graph] = WeakKeyDictionary()
        self._of_all: Graph | None = None
        self._vary = False  # True if each caller may get other versions
        self._made: OrderedDict[Key, Graph] = OrderedDict()
        self._making = anyio.Lock()

    async def of_caller(self) -> Graph:
        """Returns the graph of what the caller may call now."""
        asking = caller.get()
        self._check_revision()
        found = self._of_all if asking.grants is None else self._of_grants.get(asking.grants)
        if found is None or self._vary:
            async with self._making:
                found = await self._make(asking)
        return found

    def _check_revision(self) -> None:
        if self._at != self._revision():
            self._at = self._revision()
            self._of_all, self._vary = None, False
            self._of_grants.clear()
            self._made.clear()
            self._shares.documents.clear()
            self._shares.answers.clear()

    async def _make(self, asking: Caller) -> Graph:
        self._check_revision()
        at, visible = self._at, [(server, asking.sees(server)) for server in self._servers]
        key, self._vary = key_of(visible), self._vary or has_versions(visible)
        found = self._made.get(key)
        if found is None:
            tools = seen(self._servers, visible)
            if len(tools) <= FEW_TOOLS:
                found = Graph(tools, self._shares)
            else:
                found = await to_thread.run_sync(Graph, tools, self._shares)
        if at == self._revision():  # otherwise it is good for this request alone
            self._keep(key, found, asking)
        return found

    def _keep(self, key: Key, graph: Graph, asking: Caller) -> None:
        self._made[key] = graph
        self._made.move_to_end(key)
        if asking.grants is None:
            self._of_all = graph
        else:
            self._of_grants[asking.grants] = graph
        if len(self._made) > MAX_GRAPHS:
            _, dropped = self._made.popitem(last=False)
            for grants in [grants for grants, of_it in self._of_grants.items() if of_it is dropped]:
                del self._of_grants[grants]
