"""Real routers that share results through a real Redis."""

from __future__ import annotations

import asyncio
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
    """The routers that a test started. `ran` covers all of them."""

    def __init__(self, folder: Path, redis: str) -> None:
        self._folder = folder
        self._settings = {"MCP_SERVERS_DIR": SERVERS, "REDIS_URL": redis, "RAN": str(folder / "ran")}
        self._stack = ExitStack()

    def start(self, seconds: float, **settings: str) -> Router:
        """Starts a router whose tool takes `seconds`."""
        folder = self._folder / str(time.monotonic_ns())
        folder.mkdir()
        router = Router(folder, **self._settings, SECONDS=str(seconds), **settings)
        return self._stack.enter_context(router).await_table()

    def close(self) -> None:
        self._stack.close()

    def ran(self) -> list[str]:
        """Returns the names that a tool ran for."""
        file = self._folder / "ran"
        return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.fixture
def routers(tmp_path: Path, redis: RedisServer) -> Iterator[Routers]:
    routers = Routers(tmp_path, redis.url)
    yield routers
    routers.close()


@pytest.fixture
async def stoppable(tmp_path: Path) -> Any:
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


async def test_result_of_one_router_is_a_hit_for_another(routers: Routers) -> None:
    one, other = routers.start(0), routers.start(0)
    async with client() as http:
        assert [status(await call(http, router, "equal")) for router in (one, other)] == ["fwd=miss; stored", "hit;"]
    assert routers.ran() == ["equal"]


async def test_equal_calls_run_the_tool_once_in_each_router(routers: Routers) -> None:
    one, other = routers.start(1), routers.start(1)
    async with client() as http:
        answers = await asyncio.gather(*(call(http, router, "equal") for router in (one, other) * 100))
    assert {answer.text for answer in answers} == {'{"result":"equal"}'}
    assert len(routers.ran()) <= 2
    assert {status(answer) for answer in answers} <= {"fwd=miss; stored", "fwd=miss; collapsed", "hit;"}


async def test_many_different_calls_are_all_stored(routers: Routers) -> None:
    one, other = routers.start(0.5), routers.start(0.5)
    async with client() as http:
        for routers_called in ((one,), (one, other)):
            calls = [call(http, router, str(number)) for number in range(200) for router in routers_called]
            answers = await asyncio.gather(*calls)
            names = [str(number) for number in range(200) for _ in routers_called]
            assert [answer.json()["result"] for answer in answers] == names
    assert sorted(routers.ran()) == sorted(map(str, range(200)))
    assert {status(answer) for answer in answers} == {"hit;"}
    assert "Redis unavailable" not in one.log() + other.log()


async def test_workers_of_one_router_share_results(routers: Routers) -> None:
    router = routers.start(0.2, WORKERS="2")
    async with client() as http:
        for tool in ("slow", "blocking"):
            assert (await call(http, router, tool, tool)).json() == {"result": tool}
            answers = await asyncio.gather(*(call(http, router, tool, tool) for _ in range(50)))
            assert {answer.text for answer in answers} == {f'{{"result":"{tool}"}}'}
    assert routers.ran() == ["slow", "blocking"]


async def test_calls_are_served_while_redis_is_unavailable_and_cached_after_it_is_back(
    stoppable: tuple[RedisServer, Routers],
) -> None:
    server, routers = stoppable
    router = routers.start(0.2)
    async with client() as http:
        assert [status(await call(http, router, "before")) for _ in range(2)] == ["fwd=miss; stored", "hit;"]
        server.stop()
        for number in range(3):
            answers = await asyncio.gather(*(call(http, router, "unavailable") for _ in range(50)))
            assert {status(answer) for answer in answers} == {"fwd=miss", "fwd=miss; collapsed"}
            assert routers.ran().count("unavailable") == number + 1
        server.start()
        while status(await call(http, router, "after")) != "hit;":
            await asyncio.sleep(0.05)
    lines = [line for line in router.complaints() if "Redis" in line]
    assert len(lines) == 2
    assert " warning Redis unavailable: " in lines[0]
    assert " warning Redis available again" in lines[1]
    assert "Traceback" not in router.log()
