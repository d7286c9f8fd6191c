"""Rules of the call itself: its result, its time limit, and the limit of calls in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.matrix.principals import GREEDY, MODEST, principals
from tests.matrix.rules import Call, Rule
from tests.matrix.ways import Outcome


async def answers(call: Call) -> None:
    outcome = await call("add", a=1, b=2)
    assert (outcome.slug, outcome.value) == ("ok", 3)


async def times_out(call: Call) -> None:
    assert (await call("wait")).slug == "timeout"


async def begun(call: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
    """Begins a call, and gives it the turns of the event loop that it takes to its tool."""
    task = asyncio.create_task(call)
    for _ in range(50):
        await asyncio.sleep(0)
    return task


async def is_full(call: Call) -> None:
    first = await begun(call("wait"))
    while not first.done() and (found := await call("add", a=1, b=2)).slug == "ok":
        await asyncio.sleep(0)
    assert found.slug == "unavailable"
    first.cancel()


async def is_shared(call: Call) -> None:
    first = await begun(call("wait", GREEDY))
    while not first.done() and (found := await call("add", GREEDY, a=1, b=2)).slug == "ok":
        await asyncio.sleep(0)
    assert found.slug == "share-exceeded"
    data = found.problem.get("data") or found.problem
    assert data["retryAfter"] == 1
    assert found.problem.get("status", 429) == 429
    assert found.status == 200 or found.headers.get("retry-after", "1") == "1"
    assert (await call("add", MODEST, a=1, b=2)).value == 3
    first.cancel()


RULES = [
    Rule("a call is answered", answers),
    Rule("a slow call times out", times_out, lambda folder: {"call_timeout": 0.05}),
    Rule("calls in flight are bounded", is_full, lambda folder: {"max_calls": 1, "call_timeout": 5}),
    Rule(
        "one principal has a share of the calls in flight, and others are served",
        is_shared,
        lambda folder: {"max_calls": 4, "call_timeout": 5, **principals(folder)},
    ),
]
