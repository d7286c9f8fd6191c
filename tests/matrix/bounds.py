"""Rules of the call itself: its result, its time limit, and the limit of calls in flight."""

from __future__ import annotations

import asyncio

from tests.matrix.principals import GREEDY, MODEST, principals
from tests.matrix.rules import Call, Rule
from tests.matrix.ways import Headers, Outcome


async def answers(call: Call) -> None:
    outcome = await call("add", a=1, b=2)
    assert (outcome.slug, outcome.value) == ("ok", 3)


async def times_out(call: Call) -> None:
    assert (await call("wait")).slug == "timeout"


async def beside_a_waiting_one(call: Call, *headers: Headers) -> tuple[asyncio.Task[Outcome], Outcome]:
    """Returns a call that waits, and the outcome of another one that is refused or answered meanwhile."""
    for _ in range(20):
        first = asyncio.create_task(call("wait", *headers))
        await asyncio.sleep(0.02)
        while (found := await call("add", *headers, a=1, b=2)).slug == "ok" and not first.done():
            await asyncio.sleep(0)
        if not first.done():  # otherwise the other call had its place
            break
    return first, found


async def is_full(call: Call) -> None:
    first, found = await beside_a_waiting_one(call)
    assert found.slug == "unavailable"
    first.cancel()


async def is_shared(call: Call) -> None:
    first, found = await beside_a_waiting_one(call, GREEDY)
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
