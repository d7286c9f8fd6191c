"""Instances that are set aside, and their return."""

from __future__ import annotations

import asyncio
import re

import anyio
import pytest

from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.instances.twins import Twin, twins, until

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
RETURN = 6.0
"""Seconds within which an instance that answers again is used again."""


@pytest.mark.parametrize("how", ["garbage", "reset", "status"])
async def test_instance_that_fails_five_times_in_a_row_is_ejected_and_comes_back(
    serving: Serving, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway.upstream.states")
    async with twins(serving) as three:
        three[0].how = how  # type: ignore[assignment]
        answers = []
        with anyio.fail_after(10):
            while "ejectedUntil" not in (first := (await three.health())["instances"][0]):
                answers += await three.called(3)
        assert first["state"] == "ejected"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["ejectedUntil"])
        assert re.match(r"5 requests in a row failed, the last one: \w+", first["lastReason"])
        assert first["address"] == three[0].url
        assert [answer.status_code for answer in answers].count(502) == 5
        assert {answer.status_code for answer in await three.called(20)} == {200}
        three[0].how = "ok"
        await until(three.states, ["ready"] * 3, RETURN)
        assert (await three.health())["status"] == "ok"
    logged = [line.removeprefix(f"instance {three[0].url} is ") for line in caplog.messages]
    assert [line for line in logged if " " not in line] == ["starting", "ready", "failing", "ready"]


async def test_errors_of_tools_and_of_the_protocol_eject_nothing(serving: Serving) -> None:
    async with twins(serving) as three:
        for how in ("error", "unknown"):
            for twin in three:
                twin.how = how
            answers = await three.called(1000, at_once=50)
            assert {answer.status_code for answer in answers} == {422}
            assert {*await three.states()} <= {"ready", "slow"}  # the machine may be slow
        for twin in three:
            twin.how = "ok"
        assert (await three.call()).status_code == 200


async def test_never_more_than_half_are_ejected(serving: Serving) -> None:
    async with twins(serving, count=4) as four:
        for twin in four:
            twin.how = "garbage"
        seen = set()
        for _ in range(40):
            answers = await four.called(5)
            assert {answer.status_code for answer in answers} == {502}
            seen.add((await four.states()).count("ready"))
        assert min(seen) == 2
        for twin in four:
            twin.how = "ok"
        assert {answer.status_code for answer in await four.called(10)} == {200}


async def test_only_instance_is_never_ejected(serving: Serving) -> None:
    async with twins(serving, count=1) as one:
        one[0].how = "garbage"
        assert {answer.status_code for answer in await one.called(20)} == {502}
        assert await one.states() == ["ready"]
        one[0].how = "ok"
        assert (await one.call()).status_code == 200


async def test_calls_get_503_while_all_refuse_and_are_answered_after_the_return_of_one(serving: Serving) -> None:
    async with twins(serving) as three:
        for twin in three:
            await twin.stop()
        answers = await three.called(20)
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["type"] for answer in answers} == {"urn:multi-mcp:error:unavailable"}
        assert all(1 <= int(answer.headers["retry-after"]) <= 5 for answer in answers)
        assert await three.states() == ["down"] * 3
        found = await three.health()
        assert (found["status"], found["reason"][:13]) == ("failing", "no connection")
        await three[1].start()
        await until(three.states, ["down", "ready", "down"], RETURN)
        assert {answer.status_code for answer in await three.called(10)} == {200}
        assert (await three.health())["status"] == "ok"


async def test_instances_that_are_not_there_at_the_start_are_used_when_they_come(serving: Serving) -> None:
    first, second = Twin("first", "modern", ("tool",)), Twin("second", "modern", ("tool",))
    for twin in (first, second):
        await twin.start()
        await twin.stop()
    try:
        async with serving(one={"instances": [first.url, second.url]}) as http:
            answer = await http.post("/one/mcp/call", json={"tool": "tool", "arguments": {}})
            assert answer.status_code == 503
            await status(http, "failing")
            await second.start()
            await status(http, "ok")
            answer = await http.post("/one/mcp/call", json={"tool": "tool", "arguments": {}})
            assert answer.json() == {"result": "second"}
    finally:
        await second.stop()


async def test_slow_instance_is_set_aside(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async with twins(serving) as three:
        three[0].how = "slow"
        with anyio.fail_after(20):
            while (await three.states())[0] != "slow":
                await three.called(20)
        before = len(three[0].calls)
        await three.called(30)
        assert len(three[0].calls) == before
        first = (await three.health())["instances"][0]
        assert re.fullmatch(r"calls of 'tool' take 0.3\d seconds, and 0.0\d elsewhere", first["lastReason"])
        assert "ejectedUntil" in first
    assert f"instance {three[0].url} is slow" in caplog.messages


async def test_tool_that_is_slow_everywhere_sets_nothing_aside(serving: Serving) -> None:
    async with twins(serving, tools=("tool", "quick")) as three:
        await three.called(30, tool="quick")
        for twin in three:
            twin.how = "slow"
        await three.called(90, at_once=30)
        assert await three.states() == ["ready"] * 3


async def test_call_in_flight_at_an_ejected_instance_ends_with_its_answer(serving: Serving) -> None:
    async with twins(serving, drain=20) as three:
        for twin in three:
            twin.how = "held"
        calls = [asyncio.ensure_future(three.call()) for _ in range(3)]
        with anyio.fail_after(10):
            while sum(twin.holding for twin in three) < 3:
                await anyio.sleep(0.01)
        three[0].how, three[1].how, three[2].how = "garbage", "ok", "ok"
        with anyio.fail_after(10):
            while (await three.states())[0] != "ejected":
                await three.called(5)
        three[0].how = "ok"
        for twin in three:
            twin.released.set()
        assert [(await call).status_code for call in calls] == [200] * 3


async def test_drain_bounds_the_time_of_the_last_calls(serving: Serving) -> None:
    async with twins(serving, drain=0.1) as three:
        for twin in three:
            twin.how = "held"
        calls = [asyncio.ensure_future(three.call()) for _ in range(3)]
        with anyio.fail_after(10):
            while sum(twin.holding for twin in three) < 3:
                await anyio.sleep(0.01)
            three[0].how, three[1].how, three[2].how = "garbage", "ok", "ok"
            while (await three.states())[0] != "ejected":
                await three.called(5)
            while not any(call.done() for call in calls):
                await anyio.sleep(0.01)
        for twin in three:
            twin.released.set()
        answers = [await call for call in calls]
        assert sorted(answer.status_code for answer in answers) == [200, 200, 502]
