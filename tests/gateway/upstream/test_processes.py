"""Child processes of one caller, or of one session, each."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.clients import open_session
from tests.documents import GRAPHQL
from tests.gateway.upstream.conftest import PEER, entry
from tests.gateway.upstream.reaching import Reached, calls_seen, hanging, health, in_session, over_json, pid_of
from tests.gateway.upstream.test_ending import gone
from tests.matrix.principals import GREEDY, MODEST
from tests.matrix.ways import WAYS
from tests.wire import messages

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.mark.parametrize("how", ["", "legacy"])
async def test_caller_has_one_process_on_every_way_in_whose_state_no_other_sees(reached: Reached, how: str) -> None:
    async with reached(entry(how, process="caller"), graphql=GRAPHQL) as target:
        for way in WAYS.values():
            assert (await way(target, "add_tool", {"a": 1, "b": 2}, MODEST)).value == 3
        assert await calls_seen(target, MODEST) == len(WAYS) + 1
        assert await calls_seen(target, GREEDY) == 1
        assert (await health(target))["processes"] == 3


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_session_has_a_process_of_its_own_which_ends_with_it(reached: Reached, url: str) -> None:
    tool = "pid" if url == "/one/mcp" else "one_pid"
    async with reached(entry("legacy", process="session")) as target:
        sessions = [await open_session(target.http, url, MODEST) for _ in range(2)]
        pids = [int((await in_session(target, tool, session | MODEST, url)).split()[0]) for session in sessions]
        over_http = await pid_of(target, MODEST)
        assert len({*pids, over_http}) == 3
        assert await pid_of(target, MODEST) == over_http
        await target.http.delete(url, headers=sessions[0] | MODEST)
        assert await anyio.to_thread.run_sync(gone, pids[0])
        assert (await in_session(target, tool, sessions[1] | MODEST, url)).startswith(f"{pids[1]} ")
    assert gone(*pids, over_http)


async def test_processes_are_asked_for_their_own_callers_at_the_same_time(reached: Reached) -> None:
    async with reached(entry("legacy", process="caller")) as target:
        questions = [await over_json(target, "ask", who) for who in (MODEST, GREEDY)]
        assert [question.status_code for question in questions] == [202, 202]
        for who, question in zip((MODEST, GREEDY), questions, strict=True):
            asked = question.json()
            body = {"tool": "ask", "requestState": asked["requestState"]}
            body["inputResponses"] = {key: {"action": "cancel"} for key in asked["inputRequests"]}
            answer = await target.http.post("/one/mcp/call", json=body, headers=who)
            assert (answer.status_code, answer.json()["result"]) == (200, "null"), answer.text


async def test_process_that_dies_fails_the_calls_of_its_caller_alone(reached: Reached) -> None:
    async with reached(entry(process="caller")) as target:
        first, other = await pid_of(target, MODEST), await pid_of(target, GREEDY)
        async with anyio.create_task_group() as tasks:
            mine = await hanging(target, MODEST, tasks)
            theirs = await hanging(target, GREEDY, tasks)
            assert (await over_json(target, "die", MODEST)).json()["outcome"] == "unknown"
            with anyio.fail_after(10):
                while not mine:
                    await anyio.sleep(0.01)
            assert (mine[0].status_code, theirs) == (502, [])
            assert await pid_of(target, GREEDY) == other
            assert await pid_of(target, MODEST) != first
            tasks.cancel_scope.cancel()


SLOW = """
import os, sys, time
with open(os.environ["STARTS"], "a+") as file:
    file.write("x")
    number = file.tell()
if number == 2:
    time.sleep(600)
os.execv(sys.executable, [sys.executable, "-IS", os.environ["SERVER"]])
"""


async def test_slow_start_of_one_callers_process_does_not_hold_up_another(reached: Reached, tmp_path: Path) -> None:
    """The first process is the router's own, which lists the tools."""
    env = {"STARTS": str(tmp_path / "starts"), "SERVER": str(PEER), "PEER": ""}
    slow = {"command": sys.executable, "args": ["-ISc", SLOW], "env": env, "process": "caller", "startTimeout": 5}
    async with reached(slow) as target:
        await health(target)
        answers: list[httpx2.Response] = []

        async def call() -> None:
            answers.append(await over_json(target, "pid", MODEST))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            with anyio.fail_after(10):
                while (tmp_path / "starts").stat().st_size < 2:
                    await anyio.sleep(0.01)
            await pid_of(target, GREEDY)
            assert answers == []
        assert (answers[0].status_code, answers[0].json()["type"]) == (503, "urn:multi-mcp:error:unavailable")
        with anyio.fail_after(10):
            while (answer := await over_json(target, "pid", MODEST)).status_code != 200:
                assert "retry-after" in answer.headers
                await anyio.sleep(0.05)


async def test_lists_are_those_of_the_routers_own_process(reached: Reached) -> None:
    async with reached(entry("legacy", process="caller")) as target:
        await health(target)
        session = await open_session(target.http, "/one/mcp", MODEST) | MODEST
        for method in ("prompts/list", "tools/list"):
            body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {}}
            assert "result" in messages((await target.http.post("/one/mcp", json=body, headers=session)).text)[-1]
        assert (await health(target))["processes"] == 1
