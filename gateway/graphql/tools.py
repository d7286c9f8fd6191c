"""The fields of one tool, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType

from gateway.graphql.fields import Shown
from gateway.graphql.types.inputs import arguments
from gateway.graphql.types.names import UniqueNames, described
from gateway.graphql.types.objects import ObjectType
from gateway.graphql.types.outputs import KEYS, output, takes_result
from gateway.graphql.types.scalars import FLOAT, JSON, STRING
from gateway.tool import ToolInfo

TARGET = "target"
"""The extension of the field of a tool."""

PROGRESS, LOG, RESULT = "progress", "log", "result"
"""The fields of a subscription to a tool: its reports, and its result at the end."""

PROGRESS_TYPE = GraphQLObjectType(
    "Progress",
    {
        "progress": GraphQLField(GraphQLNonNull(FLOAT)),
        "total": GraphQLField(FLOAT),
        "message": GraphQLField(STRING),
    },
    extensions={KEYS: {name: name for name in ("progress", "total", "message")}},
)
_REPORTS = {PROGRESS: GraphQLField(PROGRESS_TYPE), LOG: GraphQLField(JSON)}
_PARTS = {KEYS: {part: part for part in (*_REPORTS, RESULT)}}


@dataclass(frozen=True, slots=True)
class Seen:
    """A tool that the caller may call.

    `reports` is False if it never reports progress; `asks` returns False if it never asks for input. `version` is set
    for the field of one version, and `deprecated` is why it should not be called.
    """

    server: str
    info: ToolInfo
    shown: Shown
    reports: bool
    asks: Callable[[], bool]
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


class Made(NamedTuple):
    """The fields of one tool: as a query or mutation, and as a subscription if it can report."""

    field: GraphQLField
    stream: GraphQLField | None = None


def made_for(tool: Seen, names: UniqueNames) -> Made:
    """Returns the fields of a tool, whose types take their `names`."""
    schema = tool.info.get("outputSchema")
    schema = schema if isinstance(schema, dict) else None
    name = tool.shown.over_all
    field = GraphQLField(
        output(schema, name, names),
        description=_description(tool),
        deprecation_reason=tool.deprecated,
        extensions={TARGET: Target(tool.server, tool.info["name"], _form(schema), tool.version)},
    )
    field.args = arguments(tool.info["inputSchema"], name, names, tool.asks())  # the names are accepted already
    return Made(field, _stream(field, name, names) if tool.reports else None)


def _stream(field: GraphQLField, name: str, names: UniqueNames) -> GraphQLField:
    """Returns the field of a subscription, which calls the tool as well."""
    parts = {**_REPORTS, RESULT: GraphQLField(field.type)}
    events = ObjectType(names.take(f"{name}_events", name), partial(dict, parts), extensions=_PARTS)
    stream = GraphQLField(events, description=field.description, extensions=field.extensions)
    stream.args, stream.deprecation_reason = field.args, field.deprecation_reason
    return stream


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
