"""The fields under which tools are found, which do not depend on who asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.graphql.types.names import UniqueNames, graphql_names
from gateway.naming import TOOL_SUFFIX

SERVERS = "_servers"


class Shown(NamedTuple):
    """The names of a tool: `server` and `field` as a query, `over_all` as a mutation and a subscription."""

    server: str
    field: str
    over_all: str


def fields(tools: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Shown]:
    """Returns the names of each tool, by the names of all servers and their tools. The suffix `_tool` is left off."""
    found, over_all = {}, UniqueNames((SERVERS,))
    for server, shown in graphql_names(tools, (SERVERS,)).items():
        short = _short(tools[server])
        safe = graphql_names(short.values())
        for tool, bare in short.items():
            field = safe[bare]
            found[server, tool] = Shown(shown, field, over_all.take(f"{shown}_{field}", f"{server}.{tool}"))
    return found


def _short(tools: Sequence[str]) -> dict[str, str]:
    """Returns each name without `_tool`, if no other tool can be meant by it."""
    bare = {tool: tool.removesuffix(TOOL_SUFFIX) or tool for tool in tools}
    count = Counter(name for tool in tools for name in {tool, bare[tool]})
    return {tool: name if count[name] == 1 else tool for tool, name in bare.items()}
