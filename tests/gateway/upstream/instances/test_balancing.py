"""Calls of a server with several instances: where they go, and which are sent again."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from tests.clients import connected
from tests.gateway.upstream.conftest import Serving
from tests.gateway.upstream.http.peer import CAPABILITIES
from tests.gateway.upstream.instances.twins import twins

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_calls_one_after_the_other_are_spread_by_chance(serving: Serving) -> None:
    async with twins(serving) as three:
        await three.called(150, at_once=1)
        assert min(three.counts) > 20


async def test_call_goes_to_the_instance_with_the_least_in_flight(serving: Serving) -> None:
    async with twins(serving) as three:
        three[0].how = three[1].how = three[2].how = "held"
        calls = [asyncio.ensure_future(three.call()) for _ in range(6)]
        with anyio.fail_after(10):
            while sum(three.counts) < 6:
                await anyio.sleep(0.01)
        assert three.counts == [2, 2, 2]
        assert [one["inFlight"] for one in (await three.health())["instances"]] == [2, 2, 2]
        three[1].released.set()
        three[1].how = "ok"
        with anyio.fail_after(10):
            while three[1].holding:
                await anyio.sleep(0.01)
        await three.called(10, at_once=1)
        assert three.counts == [2, 12, 2]
        three[0].released.set()
        three[2].released.set()
        assert [(await call).status_code for call in calls] == [200] * 6


async def test_call_of_an_idempotent_tool_is_sent_once_more_to_another_instance(serving: Serving) -> None:
    async with twins(serving, count=2, tools=("get_it",), idempotent=["get_*"]) as two:
        two[0].how = "reset"
        answers = await two.called(12, at_once=1, tool="get_it")
        assert {answer.status_code for answer in answers} == {200}
        assert len(two[0].calls) > 0
        assert len(two[1].calls) == 12


async def test_idempotent_tool_is_called_twice_at_most(serving: Serving) -> None:
    async with twins(serving, count=4, tools=("get_it",), idempotent=["get_*"]) as four:
        for twin in four:
            twin.how = "reset"
        answer = await four.call("get_it")
        assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
        assert sum(four.counts) == 2
        assert max(four.counts) == 1


async def test_other_tools_are_executed_once_and_the_outcome_is_unknown(serving: Serving) -> None:
    async with twins(serving, count=2, tools=("set_it", "get_it"), idempotent=["get_*"]) as two:
        two[0].how = two[1].how = "reset"
        answer = await two.call("set_it")
        assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
        assert sum(two.counts) == 1


async def test_reads_are_sent_once_more(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAPABILITIES, "prompts", {})
    async with twins(serving, count=2) as two, connected(two.http, "modern") as client:
        two[0].how = "reset"
        for _ in range(8):
            assert (await client.get_prompt("any")).messages == []
        assert two[0].calls


@pytest.mark.slow
async def test_refused_connections_fail_no_call(serving: Serving) -> None:
    async with twins(serving) as three:
        await three[2].stop()
        answers = await three.called(60)
        assert {answer.status_code for answer in answers} == {200}
        assert (await three.states())[2] == "down"


async def test_busy_instance_is_set_aside_and_its_calls_go_to_another(serving: Serving) -> None:
    async with twins(serving, count=2) as two:
        two[0].how = "busy"
        assert {answer.status_code for answer in await two.called(20)} == {200}
        first = (await two.health())["instances"][0]
        assert (first["state"], first["lastReason"]) == ("busy", "it answers with status 503")
        two[1].how = "busy"
        answer = await two.call()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_continued_call_goes_to_the_instance_that_asked(serving: Serving) -> None:
    async with twins(serving) as three:
        for twin in three:
            twin.how = "asks"
        for _ in range(6):
            asked = await three.call()
            assert asked.status_code == 202, asked.text
            before = {twin.name: len(twin.calls) for twin in three}
            answers: dict[str, Any] = {"roots": {"roots": []}}
            state = asked.json()["requestState"]
            body = {"tool": "tool", "arguments": {}, "requestState": state, "inputResponses": answers}
            name = (await three.http.post("/one/mcp/call", json=body)).json()["result"]
            (more,) = [twin.name for twin in three if len(twin.calls) > before[twin.name]]
            assert name == more
