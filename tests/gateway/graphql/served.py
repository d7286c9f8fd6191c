"""Graphs of tools with given schemas."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSchema, build_schema, print_schema, validate_schema

from gateway.graphql.fields import fields
from gateway.graphql.schema import ToolGraph
from gateway.graphql.tools import Seen


def graph(*tools: dict[str, Any], server: str = "one") -> ToolGraph:
    """Returns the graph of tools, as `graph_of`, whose whole schema is made and valid."""
    made = graph_of(*tools, server=server)
    assert validate_schema(build_schema(print_schema(made.schema))) == []
    return made


def graph_of(*tools: dict[str, Any], server: str = "one") -> ToolGraph:
    """Returns the graph of tools, each with its `name`, and what else differs from a tool without arguments."""
    shown = fields({server: [tool["name"] for tool in tools]})
    seen = []
    for tool in tools:
        info: Any = {"inputSchema": {"type": "object", "properties": {}}, **tool}
        seen.append(Seen(server, info, shown[server, tool["name"]], reports=False, asks=lambda: False))
    return ToolGraph(seen)


def argument_types(schema: dict[str, Any]) -> dict[str, str]:
    """Returns the types of the arguments of a tool with this input schema, by their names."""
    field = _field(graph({"name": "tool", "inputSchema": schema}).schema)
    return {name: str(argument.type) for name, argument in field.args.items()}


def result_type(schema: dict[str, Any]) -> tuple[str, GraphQLSchema]:
    """Returns the type of the result of a tool with this output schema, and the schema with it."""
    schema_ = graph({"name": "tool", "outputSchema": schema}).schema
    return str(_field(schema_).type), schema_


def _field(schema: GraphQLSchema) -> Any:
    assert schema.mutation_type is not None
    return schema.mutation_type.fields["one_tool"]
