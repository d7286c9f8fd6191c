"""The schema of what a caller may see: queries by server, and the other tools as mutations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from gateway.graphql.fields import SERVERS, Shown
from gateway.graphql.types.inputs import arguments
from gateway.graphql.types.names import UniqueNames, described
from gateway.graphql.types.objects import ObjectType
from gateway.graphql.types.outputs import KEYS, output, takes_result
from gateway.graphql.types.scalars import FLOAT, JSON, STRING
from gateway.tool import ToolInfo

TARGET, SERVER = "target", "server"
"""The extensions of the field of a tool, and of the field that has the queries of a server."""

PROGRESS, LOG, RESULT = "progress", "log", "result"
"""The fields of a subscription to a tool: its reports, and its result at the end."""

_OWN_TYPES = ("Query", "Mutation", "Subscription", "Resume", "Progress", "Int", "Long", "Float", "String", "Boolean")
_PROGRESS = GraphQLObjectType(
    "Progress",
    {
        "progress": GraphQLField(GraphQLNonNull(FLOAT)),
        "total": GraphQLField(FLOAT),
        "message": GraphQLField(STRING),
    },
    extensions={KEYS: {name: name for name in ("progress", "total", "message")}},
)
_REPORTS = {PROGRESS: GraphQLField(_PROGRESS), LOG: GraphQLField(JSON)}
_PARTS = {KEYS: {part: part for part in (*_REPORTS, RESULT)}}


@dataclass(frozen=True, slots=True)
class Seen:
    """A tool that the caller may call. `reports` is False if it never reports progress, `asks` if it never asks.

    `version` is set for the field of one version, and `deprecated` is why it should not be called.
    """

    server: str
    info: ToolInfo
    shown: Shown
    reports: bool
    asks: bool
    version: str = ""
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The tool of a field, and the structured output of its results: `{"result": value}`, an object, or not known.

    `version` is empty if the caller's own pins and routes choose.
    """

    server: str
    tool: str
    form: Literal["result", "object", "any"] = "any"
    version: str = ""


class ToolGraph:
    """`schema` is GraphQL's. `servers` are the names of the servers of these tools."""

    def __init__(self, tools: Sequence[Seen]) -> None:
        self._names = UniqueNames((*_OWN_TYPES, "ID", "JSON"))
        self._queries: dict[str, dict[str, GraphQLField]] = {}
        self._mutations: dict[str, GraphQLField] = {}
        self._streams: dict[str, GraphQLField] = {}
        self.servers = [*dict.fromkeys(tool.server for tool in tools)]
        self._callable: set[tuple[str | None, str]] = set()
        for tool in tools:
            self._add(tool)
        shown = {tool.shown.server: tool.server for tool in tools}
        self.schema = GraphQLSchema(
            _root("Query", self._query(shown)),
            _root("Mutation", self._mutations),
            _root("Subscription", self._streams),
            assume_valid=True,
        )

    def is_callable(self, server: str | None, field: str) -> bool:
        """Returns True if the caller may call a tool of this name, though perhaps as another kind of operation.

        `server` is that of a query; without it, `field` is the name over all servers.
        """
        return (server, field) in self._callable

    def _add(self, tool: Seen) -> None:
        schema = tool.info.get("outputSchema")
        schema = schema if isinstance(schema, dict) else None
        name = tool.shown.over_all
        field = GraphQLField(
            output(schema, name, self._names),
            description=_description(tool),
            deprecation_reason=tool.deprecated,
            extensions={TARGET: Target(tool.server, tool.info["name"], _form(schema), tool.version)},
        )
        field.args = arguments(tool.info["inputSchema"], name, self._names, tool.asks)  # the names are accepted already
        if is_query(tool.info):
            self._queries.setdefault(tool.shown.server, {})[tool.shown.field] = field
        else:
            self._mutations[name] = field
        if tool.reports:
            self._streams[name] = self._stream(field, name)
        self._callable |= {(None, name), (tool.shown.server, tool.shown.field)}

    def _stream(self, field: GraphQLField, name: str) -> GraphQLField:
        """Returns the field of a subscription, which calls the tool as well."""
        parts = {**_REPORTS, RESULT: GraphQLField(field.type)}
        events = ObjectType(self._names.take(f"{name}_events", name), partial(dict, parts), extensions=_PARTS)
        stream = GraphQLField(events, description=field.description, extensions=field.extensions)
        stream.args, stream.deprecation_reason = field.args, field.deprecation_reason
        return stream

    def _query(self, servers: Mapping[str, str]) -> dict[str, GraphQLField]:
        found = {}
        for shown, fields in self._queries.items():
            type_ = ObjectType(self._names.take(f"{shown}_queries", shown), partial(dict, fields))
            text = described(f"The queries of {servers[shown]}.", servers[shown], shown)
            found[shown] = GraphQLField(GraphQLNonNull(type_), description=text, extensions={SERVER: servers[shown]})
        names = GraphQLNonNull(GraphQLList(GraphQLNonNull(STRING)))
        found[SERVERS] = GraphQLField(names, description="The servers that have a tool for the caller.")
        return found


def _description(tool: Seen) -> str | None:
    """Returns the description of a field, which says the version that it calls."""
    text, name = tool.info.get("description"), tool.info["name"]
    if tool.version:
        return "\n\n".join(filter(None, [text, f"Version {tool.version} of {name!r}."]))
    return described(text, name, tool.shown.field)


def is_query(tool: ToolInfo) -> bool:
    """Returns True for a tool that changes nothing, as its author says."""
    annotations = tool.get("annotations")
    return isinstance(annotations, dict) and annotations.get("readOnlyHint") is True


def _form(schema: Mapping[str, Any] | None) -> Literal["result", "object", "any"]:
    if schema is None:
        return "any"
    return "result" if takes_result(schema) else "object"


def _root(name: str, fields: Mapping[str, GraphQLField]) -> GraphQLObjectType | None:
    return ObjectType(name, partial(dict, fields)) if fields else None
