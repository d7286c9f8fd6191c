"""The number of child processes of callers and sessions, and how long they stay."""

from __future__ import annotations

import anyio
import pytest

from tests.clients import open_session
from tests.gateway.upstream.conftest import entry
from tests.gateway.upstream.reaching import Reached, call_of, hanging, health, in_session, over_json, pid_of
from tests.gateway.upstream.test_ending import gone
from tests.matrix.principals import GREEDY, MODEST
from tests.wire import messages

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_process_that_was_idle_longest_makes_room_and_a_busy_one_does_not(reached: Reached) -> None:
    async with reached(entry(process="caller", maxProcesses=1)) as target:
        first = await pid_of(target, MODEST)
        second = await pid_of(target, GREEDY)
        assert await anyio.to_thread.run_sync(gone, first)
        async with anyio.create_task_group() as tasks:
            await hanging(target, GREEDY, tasks)
            refused = await over_json(target, "pid", MODEST)
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:multi-mcp:error:unavailable")
            assert "retry-after" in refused.headers
            assert await pid_of(target, GREEDY) == second
            tasks.cancel_scope.cancel()
        with anyio.fail_after(10):
            while (await over_json(target, "pid", MODEST)).status_code != 200:
                await anyio.sleep(0.01)


async def test_sessions_of_one_caller_have_a_share_of_the_processes(reached: Reached) -> None:
    async with reached(entry("legacy", process="session", maxProcesses=4), max_share=0.25) as target:
        other = await pid_of(target, MODEST)
        session = await open_session(target.http, "/one/mcp", GREEDY) | GREEDY
        first = int((await in_session(target, "pid", session)).split()[0])
        async with anyio.create_task_group() as tasks:
            await hanging(target, GREEDY, tasks)
            assert await anyio.to_thread.run_sync(gone, first)
            refused = messages((await target.http.post("/one/mcp", json=call_of("pid"), headers=session)).text)
            assert refused[-1]["error"]["data"]["type"] == "share-exceeded"
            tasks.cancel_scope.cancel()
        assert await pid_of(target, MODEST) == other


async def test_process_without_a_call_is_stopped(reached: Reached) -> None:
    async with reached(entry(process="caller", idleTimeout=0.2)) as target:
        first = await pid_of(target, MODEST)
        assert await anyio.to_thread.run_sync(gone, first)
        assert (await health(target, "idle"))["processes"] == 0
        assert await pid_of(target, MODEST) != first
