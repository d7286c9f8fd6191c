"""Progress and questions: subscriptions over event streams, and calls that go on with an answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.events import STREAM
from tests.routes.graphql.asking import ask, reading, slugs
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Answer(BaseModel):
    size: int


async def report(steps: int, ctx: Context) -> int:
    for step in range(steps):
        await ctx.report_progress(step, steps, f"step {step}")
    return steps


async def order(dish: str, ctx: Context) -> str:
    answer: Any = await ctx.elicit(f"How big a {dish}?", Answer)
    return f"{dish}: {answer.action} {answer.data.size}"


async def add(a: int, b: int) -> int:
    return a + b


async def events_of(http: httpx2.AsyncClient, query: str) -> list[tuple[str, Any]]:
    answer = await http.post(GRAPHQL, json={"query": query}, headers=STREAM)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    found = [dict(line.split(": ", 1) for line in each.splitlines()) for each in answer.text.split("\n\n") if each]
    return [(event["event"], json.loads(event["data"] or "null")) for event in found]


async def test_subscription_calls_the_tool_and_sends_its_reports_and_its_result(make_app: MakeApp) -> None:
    query = "subscription { r: one_report(steps: 2) { progress { progress message } result } }"
    async with opened(make_app(server_of(report, add), graphql=GRAPHQL)) as http:
        *sent, (last, _) = await events_of(http, query)
        assert [data["data"]["r"] for _, data in sent] == [
            {"progress": {"progress": 0, "message": "step 0"}, "result": None},
            {"progress": {"progress": 1, "message": "step 1"}, "result": None},
            {"progress": None, "result": 2},
        ]
        assert ({name for name, _ in sent}, last) == ({"next"}, "complete")


async def test_tool_that_never_reports_is_no_subscription(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(report, add), graphql=GRAPHQL)) as http:
        assert slugs(await ask(http, "subscription { one_add(a: 1, b: 2) { result } }", STREAM)) == ["invalid-request"]


@pytest.mark.slow
async def test_query_and_mutation_are_streams_of_one_answer(make_app: MakeApp) -> None:
    async with opened(make_app(reading(add), server_of(add, name="two"), graphql=GRAPHQL)) as http:
        for query, data in (
            ("{ one { add(a: 1, b: 2) } }", {"one": {"add": 3}}),
            ("mutation { two_add(a: 1, b: 2) }", {"two_add": 3}),
        ):
            assert (await events_of(http, query))[0] == ("next", {"data": data})


async def test_error_of_a_subscription_has_its_problem(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(report), graphql=GRAPHQL)) as http:
        for query, slug in (
            ('subscription { one_report(steps: 1, _resume: {requestState: "x"}) { result } }', "invalid-request"),
            ("subscription { one_nothing { result } }", "unknown-tool"),
        ):
            [(_, answer), (last, _)] = await events_of(http, query)
            assert (slugs(answer), last) == ([slug], "complete")


async def test_client_that_leaves_a_stream_cancels_its_call(make_app: MakeApp) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(ctx: Context) -> int:
        await ctx.report_progress(1)
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        return 0

    query = {"query": "subscription { one_hang { progress { progress } } }"}
    async with opened(make_app(server_of(hang), graphql=GRAPHQL)) as http:
        async with http.stream("POST", GRAPHQL, json=query, headers=STREAM):
            await begun.wait()
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_call_that_asks_goes_on_with_the_answers(make_app: MakeApp) -> None:
    resume = 'mutation($r: Resume!) { one_order(dish: "cake", _resume: $r) }'
    async with opened(make_app(server_of(order), graphql=GRAPHQL)) as http:
        asked = await ask(http, 'mutation { one_order(dish: "cake") }')
        assert (asked["data"], slugs(asked)) == ({"one_order": None}, ["input-required"])
        problem = asked["errors"][0]["extensions"]
        [name] = problem["inputRequests"]
        answers = {name: {"action": "accept", "content": {"size": 3}}}
        given = {"requestState": problem["requestState"], "inputResponses": answers}
        assert await ask(http, resume, variables={"r": given}) == {"data": {"one_order": "cake: accept 3"}}
        assert slugs(await ask(http, resume, variables={"r": given})) == ["invalid-request"]
