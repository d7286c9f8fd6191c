"""Rules of calls with an idempotency key."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.matrix.principals import GREEDY, MODEST, principals
from tests.matrix.rules import Call, Rule
from tests.matrix.ways import KEY, Outcome

ONE, TWO = {KEY: "one"}, {KEY: "two"}


def counting(server: MCPServer[Any]) -> None:
    """Adds tools that number their runs."""
    runs = count(1)

    async def draw(add: int = 0) -> int:
        await asyncio.sleep(0.01)
        return next(runs) + add

    async def fails() -> str:
        raise ToolError(f"failure {next(runs)}")

    async def crashes() -> str:
        next(runs)
        raise RuntimeError("secret")

    for tool in (draw, fails, crashes):
        server.add_tool(tool)


async def runs_once(call: Call) -> None:
    found = [(await call("draw", key)).value for key in (ONE, ONE, TWO, {KEY: '"one"'}, {}, ONE)]
    assert found == [1, 1, 2, 1, 3, 1]


async def runs_once_for_many(call: Call) -> None:
    await call("draw")
    assert {outcome.value for outcome in await asyncio.gather(*(call("draw", ONE) for _ in range(20)))} == {2}
    assert (await call("draw")).value == 3


async def repeats_errors(call: Call) -> None:
    for tool in ("fails", "crashes"):
        first, again = [await call(tool, {KEY: tool}) for _ in range(2)]
        assert _without_id(first) == _without_id(again)
        assert first.slug in ("tool-error", "tool-crashed")
    assert (await call("draw")).value == 3


async def runs_after_what_did_not_run(call: Call) -> None:
    # GraphQL refuses a value of another type before there is a call.
    assert (await call("draw", ONE, add="x")).slug in ("invalid-arguments", "tool-error", "invalid-request")
    assert (await call("nonsense", TWO)).slug in ("unknown-tool", "tool-error")
    assert [(await call("draw", key)).value for key in (ONE, TWO)] == [1, 2]


async def conflicts(call: Call) -> None:
    assert (await call("draw", ONE, add=1)).value == 2
    for tool, arguments in (("draw", {"add": 2}), ("draw", {}), ("add", {"a": 1, "b": 2})):
        outcome = await call(tool, ONE, **arguments)
        assert (outcome.slug, outcome.problem.get("status", 409)) == ("conflict", 409)
    assert (await call("draw", ONE, add=1)).value == 2


async def is_of_one_principal(call: Call) -> None:
    found = [(await call("draw", {**who, **ONE})).value for who in (GREEDY, MODEST, GREEDY, MODEST)]
    assert found == [1, 2, 1, 2]


async def is_checked(call: Call) -> None:
    for key in ("", " ", '""', "two words", "x" * 256):
        outcome = await call("draw", {KEY: key})
        assert (outcome.slug, outcome.problem.get("code", -32602)) == ("invalid-request", -32602)
    assert (await call("draw", {KEY: "~" * 255})).value == 1


async def is_off(call: Call) -> None:
    outcome = await call("draw", ONE)
    assert outcome.slug == "invalid-request"
    assert "MCP_IDEMPOTENCY_MAX_BYTES is 0" in str(outcome.problem)
    assert (await call("draw")).value == 1


def _without_id(outcome: Outcome) -> tuple[str, Any]:
    return outcome.slug, {key: value for key, value in outcome.problem.items() if key != "requestId"}


RULES = [
    Rule("a call with a key runs once", runs_once, serve=counting),
    Rule("twenty calls at once with one key run once", runs_once_for_many, serve=counting),
    Rule("errors of a call with a key are repeated", repeats_errors, serve=counting),
    Rule("a call that did not run leaves its key free", runs_after_what_did_not_run, serve=counting),
    Rule("a key is for one call", conflicts, serve=counting),
    Rule("a key is that of one principal", is_of_one_principal, principals, serve=counting),
    Rule("a key is checked", is_checked, serve=counting),
    Rule(
        "a call with a key is refused if keys are off", is_off, lambda _: {"idempotency_max_bytes": 0}, serve=counting
    ),
]
