"""Calls that wait in one process and are continued from another one, here over a Unix socket."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.conftest import MakeApp
from tests.events import STREAM, events
from tests.gateway.relay.pair import Pair, continuation, workers
from tests.matrix.principals import GREEDY, MODEST, principals

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
__all__ = [
    "Open",
    "pair",
    "test_call_continues_from_the_other_process",
    "test_call_of_a_version_continues_from_the_other_process",
    "test_call_that_asks_again_waits_in_its_process",
    "test_disconnect_of_the_client_cancels_the_tool_in_its_process",
    "test_errors_of_the_tool_are_those_of_its_own_process",
    "test_invalid_answer_is_refused_and_the_call_still_waits",
    "test_large_result_arrives_whole",
    "test_only_the_principal_tool_and_server_that_asked_may_continue",
    "test_other_process_that_is_gone_is_410_and_says_what_to_do",
    "test_progress_in_the_other_process_counts_for_the_time_limit",
    "test_reports_pass_to_the_process_that_continues_the_call",
    "test_state_is_used_once_over_both_processes",
    "test_time_limit_of_the_continuation_cancels_the_tool_in_its_process",
]  # tests/redis has them too
Open = Callable[..., AbstractAsyncContextManager[Pair]]


@pytest.fixture
def open_pair(make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Returns a function that opens the pair with settings. The tests with Redis have their own one."""
    return partial(workers, make_app, tmp_path_factory.mktemp("s"))


@pytest.fixture
async def pair(open_pair: Open, anyio_backend: str) -> AsyncIterator[Pair]:
    async with open_pair() as pair:
        yield pair


async def test_call_continues_from_the_other_process(pair: Pair) -> None:
    body = await pair.begin("once")
    answer = await pair.go_on(body)
    assert (answer.status_code, answer.json()) == (200, {"result": {"size": 3}})


async def test_call_of_a_version_continues_from_the_other_process(pair: Pair) -> None:
    asked = await pair.first.post("/one/mcp/call", json={"tool": "sized", "version": "1"})
    body = {"tool": "sized", **continuation(asked.json())}
    tampered = {**body, "requestState": body["requestState"].replace("1.0.0", "2.0.0")}
    assert (await pair.other.post("/one/mcp/call", json=tampered)).status_code == 400
    answer = await pair.go_on(body)
    assert (answer.json(), answer.headers["tool-version"]) == ({"result": {"size": 3}}, "1.0.0")


async def test_call_that_asks_again_waits_in_its_process(pair: Pair) -> None:
    body = await pair.begin("twice")
    again = await pair.go_on(body)
    assert again.status_code == 202
    assert (await pair.go_on(body | continuation(again.json()))).json() == {"result": [3, 3]}


async def test_state_is_used_once_over_both_processes(pair: Pair) -> None:
    body = await pair.begin("once")
    assert (await pair.go_on(body)).status_code == 200
    for client in (pair.other, pair.first):
        answer = await client.post("/one/mcp/call", json=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
        assert answer.json()["detail"].endswith("it is unknown, answered or expired.")


async def test_errors_of_the_tool_are_those_of_its_own_process(pair: Pair) -> None:
    failed = await pair.go_on(await pair.begin("fails"))
    crashed = await pair.go_on(await pair.begin("crashes"))
    assert (failed.status_code, failed.json()["detail"]) == (422, "a mistake")
    assert (crashed.status_code, crashed.json()["type"]) == (500, "urn:multi-mcp:error:tool-crashed")


async def test_invalid_answer_is_refused_and_the_call_still_waits(pair: Pair) -> None:
    body = await pair.begin("once")
    wrong = {key: {"action": "accept", "content": {"size": "big"}} for key in body["inputResponses"]}
    refused = await pair.go_on(body | {"inputResponses": wrong})
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert (await pair.go_on(body)).json() == {"result": {"size": 3}}


async def test_large_result_arrives_whole(pair: Pair) -> None:
    answer = await pair.go_on(await pair.begin("reports", steps=0, length=3_000_000))
    assert answer.json() == {"result": "x" * 3_000_000}


async def test_reports_pass_to_the_process_that_continues_the_call(pair: Pair) -> None:
    body = await pair.begin("reports", steps=3, length=1)
    async with pair.other.stream("POST", "/one/mcp/call", json=body, headers=STREAM) as answer:
        seen = [(event.name, event.data) async for event in events(answer)]
    steps: list[Any] = [("progress", {"progress": step, "total": 3}) for step in (1, 2, 3)]
    assert seen == [*steps, ("result", {"result": "x"})]


async def test_disconnect_of_the_client_cancels_the_tool_in_its_process(pair: Pair) -> None:
    body = await pair.begin("waits")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.go_on, body)
        with anyio.fail_after(5):
            await pair.asking.begun.wait()
        tasks.cancel_scope.cancel()
    with anyio.fail_after(5):
        await pair.asking.ended.wait()


async def test_time_limit_of_the_continuation_cancels_the_tool_in_its_process(open_pair: Open) -> None:
    async with open_pair(call_timeout=0.3) as pair:
        answer = await pair.go_on(await pair.begin("waits"))
        assert (answer.status_code, answer.json()["type"]) == (504, "urn:multi-mcp:error:timeout")
        with anyio.fail_after(5):
            await pair.asking.ended.wait()


async def test_progress_in_the_other_process_counts_for_the_time_limit(open_pair: Open) -> None:
    async with open_pair(call_timeout=0.5) as pair:
        answer = await pair.go_on(await pair.begin("reports", steps=8, length=1, pause=0.1))
        assert (answer.status_code, answer.json()) == (200, {"result": "x"})


async def test_only_the_principal_tool_and_server_that_asked_may_continue(open_pair: Open, tmp_path: Path) -> None:
    async with open_pair(**principals(tmp_path)) as pair:
        body = await pair.begin("once", GREEDY)
        refused = [
            await pair.go_on(body, who=MODEST),
            await pair.go_on(body | {"tool": "twice"}, who=GREEDY),
            await pair.go_on(body, "two", GREEDY),
        ]
        assert [answer.status_code for answer in refused] == [400, 400, 400]
        assert len({answer.json()["detail"] for answer in refused}) == 1
        assert (await pair.go_on(body, who=GREEDY)).json() == {"result": {"size": 3}}


async def test_other_process_that_is_gone_is_410_and_says_what_to_do(open_pair: Open) -> None:
    async with open_pair() as first:
        body = await first.begin("once")
    async with open_pair() as second:
        answer = await second.go_on(body)
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:multi-mcp:error:gone")
    assert answer.json()["detail"].endswith("Begin the call again.")


async def test_sockets_are_there_as_long_as_their_applications(make_app: MakeApp, tmp_path: Path) -> None:
    def sockets() -> int:
        return sum(stat.S_ISSOCK((tmp_path / name).lstat().st_mode) for name in os.listdir(tmp_path))

    async with workers(make_app, tmp_path):
        assert sockets() == 4  # one for calls and one for change events each
    assert sockets() == 0
