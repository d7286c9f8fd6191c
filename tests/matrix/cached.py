"""What a tool that asks to be cached is answered with, whatever way its calls come in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.matrix.rules import Call, Rule


def counting(server: MCPServer[Any]) -> None:
    """Add a tool that says how many times it ran."""
    ran: Counter[str] = Counter()

    async def count(name: str) -> int:
        ran["times"] += 1
        if not name:
            raise ToolError("There is no name.")
        return ran["times"]

    server.add_tool(count, meta={"cache": {"ttl": 60}})


async def runs_once(call: Call) -> None:
    for _ in range(3):
        assert (await call("count", name="equal")).value == 1


async def tells_arguments_apart(call: Call) -> None:
    assert [(await call("count", name=name)).value for name in ("one", "other", "one")] == [1, 2, 1]


async def fails_again(call: Call) -> None:
    for _ in range(2):
        assert (await call("count", name="")).slug == "tool-error"
    assert (await call("count", name="after")).value == 3


RULES = [
    Rule("an equal call does not run the tool again", runs_once, serve=counting),
    Rule("a call with other arguments runs the tool", tells_arguments_apart, serve=counting),
    Rule("an error is not kept", fails_again, serve=counting),
]
