"""Two real routers and a real Redis: one tool call for all of them, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.process.live.router import Router
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
SERVERS = str(Path(__file__).parent / "servers")


class Routers:
    """As many as are started; `ran` counts over all of them."""

    def __init__(self, folder: Path, redis: str) -> None:
        self._folder = folder
        self._settings = {"MCP_SERVERS_DIR": SERVERS, "REDIS_URL": redis, "RAN": str(folder / "ran")}
        self._stack = ExitStack()

    def start(self, seconds: float, **settings: str) -> Router:
        """One whose tool takes as long."""
        folder = self._folder / str(time.monotonic_ns())
        folder.mkdir()
        router = Router(folder, **self._settings, SECONDS=str(seconds), **settings)
        return self._stack.enter_context(router).await_table()

    def close(self) -> None:
        self._stack.close()

    def ran(self) -> list[str]:
        """The names that the tool ran for."""
        file = self._folder / "ran"
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    async def until_ran(self, count: int) -> None:
        while len(self.ran()) < count:
            await asyncio.sleep(0.01)


@pytest.fixture
def routers(tmp_path: Path, redis: RedisServer) -> Iterator[Routers]:
    routers = Routers(tmp_path, redis.url)
    yield routers
    routers.close()


@pytest.fixture
async def mortal(tmp_path: Path) -> Any:
    with RedisServer() as server:
        routers = Routers(tmp_path, server.url)
        yield server, routers
        routers.close()


def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0))


async def call(http: httpx2.AsyncClient, router: Router, name: str, tool: str = "slow") -> httpx2.Response:
    body = {"tool": tool, "arguments": {"name": name}}
    return await http.post(f"http://127.0.0.1:{router.port}/counted/mcp/call", json=body)


def status(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["cache-status"].removeprefix("multi-mcp; ").partition(" ttl=")[0]


async def test_a_thousand_equal_calls_of_two_routers_run_the_tool_once(routers: Routers) -> None:
    one, other = routers.start(1), routers.start(1)
    async with client() as http:
        answers = await asyncio.gather(*(call(http, router, "equal") for router in (one, other) * 500))
    assert {answer.text for answer in answers} == {'{"result":"equal"}'}
    assert routers.ran() == ["equal"]
    statuses = [status(answer) for answer in answers]
    assert statuses.count("fwd=miss; stored") == 1
    assert {*statuses} <= {"fwd=miss; stored", "fwd=miss; collapsed", "hit;"}


async def test_many_different_calls_run_each_once(routers: Routers) -> None:
    one, other = routers.start(0.5), routers.start(0.5)
    async with client() as http:
        for _ in range(2):
            calls = [call(http, router, str(number)) for number in range(200) for router in (one, other)]
            answers = await asyncio.gather(*calls)
            assert [answer.json()["result"] for answer in answers] == [str(n // 2) for n in range(400)]
    assert sorted(routers.ran()) == sorted(map(str, range(200)))
    assert {status(answer) for answer in answers} == {"hit;"}
    assert "Redis is away" not in one.log() + other.log()


async def test_two_workers_of_one_router_share_what_is_kept(routers: Routers) -> None:
    router = routers.start(0.2, WORKERS="2")
    async with client() as http:
        for tool in ("slow", "blocking"):
            answers = await asyncio.gather(*(call(http, router, tool, tool) for _ in range(200)))
            assert {answer.text for answer in answers} == {f'{{"result":"{tool}"}}'}
    assert routers.ran() == ["slow", "blocking"]


async def test_another_takes_over_from_a_leader_that_is_killed(routers: Routers) -> None:
    leader, other = routers.start(60), routers.start(0)
    async with client() as http:
        lost = asyncio.create_task(call(http, leader, "one"))
        await routers.until_ran(1)
        waiting = [asyncio.create_task(call(http, other, "one")) for _ in range(20)]
        done, _ = await asyncio.wait(waiting, timeout=0.5)
        assert not done
        os.killpg(leader.process.pid, signal.SIGKILL)
        answers = await asyncio.gather(*waiting)
        assert [answer.json() for answer in answers] == [{"result": "one"}] * 20
        with pytest.raises(httpx2.TransportError):
            await lost
    assert routers.ran() == ["one", "one"]


async def test_a_leader_that_is_told_to_end_answers_and_shares_what_it_brings(routers: Routers) -> None:
    leader, other = routers.start(1), routers.start(60)
    async with client() as http:
        first = asyncio.create_task(call(http, leader, "one"))
        await routers.until_ran(1)
        second = asyncio.create_task(call(http, other, "one"))
        leader.process.send_signal(signal.SIGTERM)
        assert (await first).json() == (await second).json() == {"result": "one"}
    assert routers.ran() == ["one"]
    leader.process.wait(timeout=30)
    assert "Traceback" not in leader.log()


async def test_a_client_that_leaves_its_leader_lets_the_other_router_take_over(routers: Routers) -> None:
    leader, other = routers.start(60), routers.start(0)
    async with client() as http:
        async with client() as leaving:
            first = asyncio.create_task(call(leaving, leader, "one"))
            await routers.until_ran(1)
            second = asyncio.create_task(call(http, other, "one"))
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        assert (await second).json() == {"result": "one"}
    assert routers.ran() == ["one", "one"]


async def test_without_redis_calls_go_through_and_with_it_they_are_kept_again(
    mortal: tuple[RedisServer, Routers],
) -> None:
    server, routers = mortal
    router = routers.start(0.2)
    async with client() as http:
        assert [status(await call(http, router, "before")) for _ in range(2)] == ["fwd=miss; stored", "hit;"]
        server.stop()
        for number in range(3):
            answers = await asyncio.gather(*(call(http, router, "away") for _ in range(50)))
            assert {status(answer) for answer in answers} == {"fwd=miss", "fwd=miss; collapsed"}
            assert routers.ran().count("away") == number + 1
        server.start()
        while status(await call(http, router, "after")) != "hit;":
            await asyncio.sleep(0.05)
    said = [line for line in router.complaints() if "Redis" in line]
    assert len(said) == 2
    assert " warning Redis is away: " in said[0]
    assert " warning Redis answers again" in said[1]
    assert "Traceback" not in router.log()
