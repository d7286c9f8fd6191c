"""The schema of what a caller may see: queries by server, and the other tools as mutations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from threading import Lock

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, get_named_type
from graphql.type import GraphQLNamedType
from graphql.type.schema import TypeSet

from gateway.graphql.fields import SERVERS
from gateway.graphql.lazy import Fields, Types, grouped, heads
from gateway.graphql.tools import PROGRESS_TYPE, Made, Seen, is_query, made_for
from gateway.graphql.types.inputs import ANSWERS
from gateway.graphql.types.making import SCALARS
from gateway.graphql.types.names import UniqueNames, described
from gateway.graphql.types.objects import ObjectType
from gateway.graphql.types.scalars import STRING

SERVER = "server"
"""The extension of the field that has the queries of a server."""

_OWN_TYPES = (
    *("Query", "Mutation", "Subscription", "Resume", "Progress"),
    *("Int", "Long", "Float", "String", "Boolean", "ID", "JSON"),
)
LARGE_GROUP = 10
"""Tools whose types may have the same names are made together; more of them are made before the first request."""


class ToolGraph:
    """`schema` is GraphQL's. `servers` are the names of the servers of these tools.

    The field of a tool and its types are made when they are needed first, in any thread.
    """

    def __init__(self, tools: Sequence[Seen]) -> None:
        shown = {tool.shown.server: tool.server for tool in tools}
        self.servers = [*dict.fromkeys(shown.values())]
        self._tools = {tool.shown.over_all: tool for tool in tools}
        self._callable = {*self._tools} | {(tool.shown.server, tool.shown.field) for tool in tools}
        self._groups = grouped([*self._tools])
        self._head_of = {name: head for head, names in self._groups.items() for name in names}
        self._made: dict[str, Made] = {}
        self._making = Lock()
        names = UniqueNames(_OWN_TYPES)
        query = self._query(shown, names)
        self._taken = names.used
        calls = [name for name, tool in self._tools.items() if not is_query(tool.info)]
        mutation = _root("Mutation", Fields(calls, lambda name: self._of(name).field)) if calls else None
        streams = [name for name, tool in self._tools.items() if tool.reports]
        subscription = _root("Subscription", Fields(streams, self._stream)) if streams else None
        self.schema = GraphQLSchema(assume_valid=True)
        self.schema.query_type, self.schema.mutation_type = query, mutation
        self.schema.subscription_type = subscription
        roots = [query, mutation, subscription, *map(get_named_type, [each.type for each in query.fields.values()])]
        known = {each.name: each for each in (*roots, *SCALARS.values(), ANSWERS, PROGRESS_TYPE) if each is not None}
        self.schema.type_map = Types({**self.schema.type_map, **known}, self._reach, self._complete)
        for head, group in self._groups.items():
            if len(group) > LARGE_GROUP:
                self._of(head)

    def is_callable(self, server: str | None, field: str) -> bool:
        """Returns True if the caller may call a tool of this name, though perhaps as another kind of operation.

        `server` is that of a query; without it, `field` is the name over all servers.
        """
        return (field if server is None else (server, field)) in self._callable

    def _reach(self, type_: str) -> None:
        """Makes the tools that may have a type of this name."""
        head = next((head for head in heads(type_) if head in self._groups), None)
        if head is not None:
            self._of(head)

    def _complete(self) -> Mapping[str, GraphQLNamedType]:
        roots = self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type
        return GraphQLSchema(*roots, assume_valid=True).type_map

    def _of(self, name: str) -> Made:
        """Returns what is made for a tool, after it was made for all that may have types of the same names."""
        if name not in self._made:
            with self._making:
                if name not in self._made:
                    self._make(self._groups[self._head_of[name]])
        return self._made[name]

    def _make(self, group: Iterable[str]) -> None:
        names, types = UniqueNames(self._taken), TypeSet()
        made = {name: made_for(self._tools[name], names) for name in group}
        for field, stream in made.values():
            for each in (field, *([stream] if stream is not None else [])):
                types.collect_referenced_types(each.type)
                for argument in each.args.values():
                    types.collect_referenced_types(argument.type)
        dict.update(self.schema.type_map, {each.name: each for each in types})
        self._made.update(made)

    def _query(self, servers: Mapping[str, str], names: UniqueNames) -> GraphQLObjectType:
        found, queries = {}, defaultdict[str, dict[str, str]](dict)
        for name, tool in self._tools.items():
            if is_query(tool.info):
                queries[tool.shown.server][tool.shown.field] = name
        for shown, tools in queries.items():
            own = Fields(tools, partial(self._query_field, tools))
            type_ = _root(names.take(f"{shown}_queries", shown), own)
            text = described(f"The queries of {servers[shown]}.", servers[shown], shown)
            found[shown] = GraphQLField(GraphQLNonNull(type_), description=text, extensions={SERVER: servers[shown]})
        of_all = GraphQLNonNull(GraphQLList(GraphQLNonNull(STRING)))
        found[SERVERS] = GraphQLField(of_all, description="The servers that have a tool for the caller.")
        return ObjectType("Query", partial(dict, found))

    def _stream(self, name: str) -> GraphQLField:
        stream = self._of(name).stream
        assert stream is not None
        return stream

    def _query_field(self, tools: Mapping[str, str], field: str) -> GraphQLField:
        return self._of(tools[field]).field


def _root(name: str, fields: Fields) -> ObjectType:
    return ObjectType(name, lambda: fields)
