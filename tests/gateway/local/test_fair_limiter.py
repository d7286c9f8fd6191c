"""Threads for sync tools are fair between principals, in whichever way their calls come in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import pytest

from gateway.auth.scopes import Scopes
from gateway.caller import Caller, caller
from gateway.local.fair_limiter import FairLimiter
from tests.clients import open_session, post
from tests.conftest import MakeApp
from tests.gateway.local.test_threads import Sleepy
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.transport import opened
from tests.wire import request

pytestmark = pytest.mark.anyio
ADA, BOB, CLEO = (Caller(name, grants=Scopes(())) for name in ("ada", "bob", "cleo"))


@pytest.mark.slow
async def test_calls_of_a_principal_beyond_its_share_wait_and_others_run(make_app: MakeApp, tmp_path: Path) -> None:
    sleepy = Sleepy()
    async with opened(make_app(sleepy.server, threads=8, **principals(tmp_path))) as client:
        client.headers.update(GREEDY)
        session = await open_session(client, "/one/mcp")
        statuses: list[int] = []

        async def over_json() -> None:
            statuses.append((await post(client, "sleep")).status_code)

        async def over_mcp(number: int) -> None:
            call = request("tools/call", number, name="sleep", arguments={})
            statuses.append((await client.post("/one/mcp", json=call, headers=session)).status_code)

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(over_json)
                tasks.start_soon(over_mcp, number)
            await sleepy.all_asleep(2)
            for _ in range(20):
                assert (await client.post("/one/mcp/call", json={"tool": "quick"}, headers=MODEST)).status_code == 200
            assert (sleepy.begun, statuses) == (2, [])
            sleepy.wake.set()
    assert (sleepy.begun, sleepy.most, statuses) == (10, 2, [200] * 10)


async def test_without_authentication_one_client_may_use_every_thread(make_app: MakeApp) -> None:
    sleepy = Sleepy()
    async with opened(make_app(sleepy.server, threads=4)) as client, anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(post, client, "sleep")
        await sleepy.all_asleep(4)
        sleepy.wake.set()


class Borrowers:
    """Tasks that wait for a token each. `got` has the names of those that have one."""

    def __init__(self, limit: int, each: int) -> None:
        self.limiter = FairLimiter(limit, each)
        self.got: list[str] = []
        self.scopes: dict[str, anyio.CancelScope] = {}

    async def wait(self, who: Caller, name: str) -> None:
        caller.set(who)
        with anyio.CancelScope() as self.scopes[name]:
            await self.limiter.acquire_on_behalf_of(name)
            self.got.append(name)


async def test_freed_token_goes_to_the_caller_who_has_fewer_than_its_share() -> None:
    borrowers = Borrowers(3, 2)
    async with anyio.create_task_group() as tasks:
        for who, name in ((ADA, "a1"), (ADA, "a2"), (ADA, "a3"), (BOB, "b1"), (CLEO, "c1"), (ADA, "a4")):
            tasks.start_soon(borrowers.wait, who, name)
        await anyio.wait_all_tasks_blocked()
        assert borrowers.got == ["a1", "a2", "b1"]
        borrowers.limiter.release_on_behalf_of("a1")
        await anyio.wait_all_tasks_blocked()
        assert borrowers.got[3:] == ["c1"]
        for name in ("b1", "c1", "a2"):
            borrowers.limiter.release_on_behalf_of(name)
        await anyio.wait_all_tasks_blocked()
        assert borrowers.got[4:] == ["a3", "a4"]
        for name in ("a3", "a4"):
            borrowers.limiter.release_on_behalf_of(name)
    assert (borrowers.limiter.borrowed_tokens, len(borrowers.limiter)) == (0, 0)


async def test_cancelled_waiters_leave_nothing_behind() -> None:
    borrowers = Borrowers(1, 1)
    async with anyio.create_task_group() as tasks:
        for who, name in ((ADA, "a1"), (ADA, "a2"), (BOB, "b1"), (BOB, "b2"), (ADA, "a3")):
            tasks.start_soon(borrowers.wait, who, name)
        await anyio.wait_all_tasks_blocked()
        for name in ("a2", "b1", "b2"):  # in the queue of its caller, in that of all, and on its way there
            borrowers.scopes[name].cancel()
        await anyio.wait_all_tasks_blocked()
        borrowers.limiter.release_on_behalf_of("a1")
        await anyio.wait_all_tasks_blocked()
        assert borrowers.got == ["a1", "a3"]
        borrowers.limiter.release_on_behalf_of("a3")
    assert (borrowers.limiter.borrowed_tokens, len(borrowers.limiter)) == (0, 0)


@pytest.mark.parametrize("waiting", [ADA, BOB])
async def test_cancellation_in_the_moment_that_frees_a_token_leaves_nothing_behind(waiting: Caller) -> None:
    limiter = FairLimiter(1, 1)
    caller.set(ADA)
    await limiter.acquire_on_behalf_of("first")
    caller.set(waiting)
    tasks = [asyncio.create_task(limiter.acquire_on_behalf_of(number)) for number in range(2)]
    await anyio.wait_all_tasks_blocked()
    limiter.release_on_behalf_of("first")
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert (tasks[0].cancelled(), tasks[1].exception()) == (True, None)
    limiter.release_on_behalf_of(1)
    assert (limiter.borrowed_tokens, len(limiter)) == (0, 0)
