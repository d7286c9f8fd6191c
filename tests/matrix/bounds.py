"""Rules of the call itself: its result, its time limit, and the limit of calls in flight."""

from __future__ import annotations

import asyncio

from tests.matrix.rules import Call, Rule


async def answers(call: Call) -> None:
    outcome = await call("add", a=1, b=2)
    assert (outcome.slug, outcome.value) == ("ok", 3)


async def times_out(call: Call) -> None:
    assert (await call("wait")).slug == "timeout"


async def is_full(call: Call) -> None:
    first = asyncio.create_task(call("wait"))
    while not first.done() and (found := await call("add", a=1, b=2)).slug == "ok":
        await asyncio.sleep(0)
    assert found.slug == "unavailable"
    first.cancel()


RULES = [
    Rule("a call is answered", answers),
    Rule("a slow call times out", times_out, lambda folder: {"call_timeout": 0.05}),
    Rule("calls in flight are bounded", is_full, lambda folder: {"max_calls": 1, "call_timeout": 5}),
]
