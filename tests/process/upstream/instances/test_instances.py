"""Instances of a server that die, hang and come back under load, behind a real router."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.upstream.instances.standing import FAILURES
from tests.clients import ERAS, Era, answered, connected
from tests.gateway.upstream.conftest import Serving
from tests.process.live.router import Router
from tests.process.upstream.instances.processes import Instance, Load, await_states, routed, states

pytestmark = [pytest.mark.anyio, pytest.mark.process]
CLIENTS = 12
RETURN = 6.0
"""Seconds within which an instance that answers again is used again."""

Three = tuple[Router, list[Instance]]


@pytest.fixture(scope="module")
def one_router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    with routed(tmp_path_factory.mktemp("instances"), era="modern") as found:
        yield found


@pytest.fixture
def three(one_router: Three) -> Three:
    """Returns a router in front of three instances that are ready."""
    router, instances = one_router
    for instance in instances:
        instance.start()
    await_states(router, ["ready"] * 3)
    return router, instances


async def test_killed_instance_fails_the_calls_in_flight_there_alone_and_is_used_soon_after_its_return(
    three: Three,
) -> None:
    router, (dying, *_) = three
    async with Load(router, CLIENTS, seconds=0.02) as load:
        while len(load.pids()) < 3 or len(load.calls) < 150:
            await asyncio.sleep(0.01)
        spread, dead = load.pids(), dying.pid
        dying.kill()
        killed = time.monotonic()
        await asyncio.sleep(1)
        await asyncio.to_thread(dying.start)
        returned_after = await load.until(dying.pid, RETURN)
    failed = [call for call in load.calls if call.status != 200]
    assert {(call.status, call.body["outcome"]) for call in failed} <= {(502, "unknown")}
    assert len(failed) < CLIENTS
    assert all(call.began < killed for call in failed)  # none was refused
    assert load.pids(killed)[dead] == 0
    assert returned_after < RETURN
    assert min(spread.values()) > sum(spread.values()) / 3 / 2  # least in flight spreads them
    router.await_log(f"instance {dying.url} is failing")


async def test_thousand_error_results_open_no_breaker(three: Three) -> None:
    router, _ = three
    async with Load(router, 20, "fail") as load:
        while len(load.calls) < 1000:
            await asyncio.sleep(0.05)
    assert {call.status for call in load.calls} == {422}
    assert len(load.calls) > 3 * FAILURES
    assert states(router) == ["ready"] * 3
    assert router.call("one", "pid")[0] == 200
    assert any(line.startswith("one: 3 instances, ") for line in router.table)


async def test_calls_get_503_while_all_instances_refuse_and_one_that_returns_is_used(three: Three) -> None:
    router, instances = three
    for instance in instances:
        instance.kill()
    while router.call("one", "pid")[0] != 503:
        await asyncio.sleep(0.01)
    with router.calling("one", "pid") as connection:
        answer = connection.getresponse()
        assert answer.status == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert states(router) == ["down"] * 3
    instances[1].start()
    await_states(router, ["down", "ready", "down"], RETURN)
    assert router.call("one", "pid") == (200, {"result": instances[1].pid})


@pytest.mark.parametrize("client_era", ERAS)
async def test_session_of_a_client_outlives_its_instance(three: Three, serving: Serving, client_era: Era) -> None:
    _, instances = three
    entry = {"instances": [instance.url for instance in instances], "era": "legacy"}

    async def pid() -> int:
        found: int = (await answered(client, "pid"))["structuredContent"]["result"]
        return found

    async with serving(one=entry) as http, connected(http, client_era) as client:
        (first,) = {await pid() for _ in range(5)}
        next(instance for instance in instances if instance.pid == first).kill()
        (second,) = {await pid() for _ in range(5)}
        assert second != first


async def test_hung_instance_is_set_aside(tmp_path: Path) -> None:
    with routed(tmp_path, 2, era="modern", timeout=0.5) as (router, instances):
        async with Load(router, CLIENTS) as load:
            while len(load.calls) < 100:
                await asyncio.sleep(0.01)
            instances[1].send(signal.SIGSTOP)
            async with asyncio.timeout(15):
                while (await asyncio.to_thread(states, router))[1] != "slow":
                    await asyncio.sleep(0.02)
            since = time.monotonic()
            await asyncio.sleep(0.5)
        later = [call for call in load.calls if call.began > since]
        assert {call.status for call in later} == {200}
        assert 504 in {call.status for call in load.calls}
