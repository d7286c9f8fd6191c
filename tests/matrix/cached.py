"""Rules of the cache."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.matrix import access
from tests.matrix.rules import Call, Rule


def counting(server: MCPServer[Any]) -> None:
    """Adds a tool that returns how many times it ran."""
    ran: Counter[str] = Counter()

    async def count(name: str) -> int:
        ran["times"] += 1
        if not name:
            raise ToolError("The name is empty.")
        return ran["times"]

    server.add_tool(count, meta={"cache": {"ttl": 60}})


async def runs_once(call: Call) -> None:
    for _ in range(3):
        assert (await call("count", name="equal")).value == 1


async def runs_for_other_arguments(call: Call) -> None:
    assert [(await call("count", name=name)).value for name in ("one", "other", "one")] == [1, 2, 1]


async def fails_again(call: Call) -> None:
    for _ in range(2):
        assert (await call("count", name="")).slug == "tool-error"
    assert (await call("count", name="after")).value == 3


async def is_for_its_own_caller(call: Call) -> None:
    assert (await call("count", access.HEADERS["admin"], name="a")).value == 1
    for name in ("exact", "other", "nothing"):
        assert (await call("count", access.HEADERS[name], name="a")).slug == "forbidden"
    assert (await call("count", access.HEADERS["server"], name="a")).value == 2
    assert (await call("count", access.HEADERS["admin"], name="a")).value == 1


RULES = [
    Rule("an equal call does not run the tool again", runs_once, serve=counting),
    Rule("a call with other arguments runs the tool", runs_for_other_arguments, serve=counting),
    Rule("an error is not cached", fails_again, serve=counting),
    Rule(
        "a private result is for its own caller, who must be allowed to call the tool",
        is_for_its_own_caller,
        access.keys,
        serve=counting,
    ),
]
