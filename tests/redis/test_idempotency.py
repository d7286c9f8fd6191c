"""Calls with an idempotency key over two replicas with one Redis."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from gateway.redis import RedisClient
from tests.conftest import MakeApp
from tests.gateway.idempotency.once import Once, slug
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.redis.redis import RedisServer
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
Reply = tuple[int, Any]


class Replicas:
    """Two applications with the same tools, whose runs are counted together."""

    def __init__(self, one: Once, first: httpx2.AsyncClient, other: httpx2.AsyncClient) -> None:
        self.one = one
        self._clients = [first, other]

    async def call(self, number: int, tool: str, key: str = "one", **arguments: Any) -> httpx2.Response:
        body = {"tool": tool, "arguments": arguments}
        return await self._clients[number].post("/one/mcp/call", json=body, headers={"idempotency-key": key})


@asynccontextmanager
async def replicas(make_app: MakeApp, redis: RedisServer, **settings: Any) -> AsyncIterator[Replicas]:
    one = Once()
    apps = [make_app(one.server(), redis_url=redis.url, **settings) for _ in range(2)]
    async with opened(apps[0]) as first, opened(apps[1]) as other:
        yield Replicas(one, first, other)


@pytest.fixture
async def pair(make_app: MakeApp, redis: RedisServer) -> AsyncIterator[Replicas]:
    async with replicas(make_app, redis) as pair:
        yield pair


async def test_other_replica_repeats_the_answer_and_refuses_anothercall_at(pair: Replicas) -> None:
    answers = [await pair.call(number, "draws", add=1) for number in (0, 1, 0)]
    assert [answer.json() for answer in answers] == [{"result": 2}] * 3
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", "true"]
    assert [slug(await pair.call(number, "draws", add=2)) for number in (0, 1)] == [(409, "conflict")] * 2


async def test_equal_calls_over_two_replicas_at_once_run_once(pair: Replicas) -> None:
    calls = [asyncio.create_task(pair.call(number % 2, "waits")) for number in range(20)]
    with anyio.fail_after(5):
        await pair.one.begun.wait()
        await asyncio.sleep(0.1)
        assert slug(await pair.call(1, "draws")) == (409, "conflict")
        pair.one.go_on.set()
        assert [answer.json() for answer in await asyncio.gather(*calls)] == [{"result": 1}] * 20
    assert pair.one.runs == 1


async def test_key_of_a_call_that_did_not_run_is_free_in_the_other_replica(pair: Replicas) -> None:
    assert (await pair.call(0, "draws", add="x")).status_code == 422
    assert (await pair.call(1, "draws", add=1)).json() == {"result": 2}


async def test_answer_is_kept_for_a_day_and_the_key_of_redis_tells_nothing(pair: Replicas, client: RedisClient) -> None:
    await pair.call(0, "draws", "a-secret-key")
    [key] = [key for key in await client.client.keys("*") if b":idempotency:" in key]
    assert b"secret" not in key
    assert 86_300 < await client.client.ttl(key) <= 86_400


async def test_calls_with_a_key_do_not_run_while_redis_is_away(own_redis: RedisServer, make_app: MakeApp) -> None:
    async with replicas(make_app, own_redis) as pair:
        own_redis.stop()
        refused = await pair.call(0, "draws")
        assert (slug(refused), refused.headers["retry-after"], pair.one.runs) == ((503, "unavailable"), "1", 0)
        own_redis.start()
        with anyio.fail_after(10):
            while (answer := await pair.call(0, "draws")).status_code == 503:
                await asyncio.sleep(0.1)
        assert answer.json() == {"result": 1}


async def test_claim_whose_response_was_lost_is_given_back(own_redis: RedisServer, make_app: MakeApp) -> None:
    async with replicas(make_app, own_redis) as pair:
        await pair.call(0, "draws", "first")
        with own_redis.hanging():
            assert slug(await pair.call(0, "draws", "two")) == (503, "unavailable")
        with anyio.fail_after(10):
            while (answer := await pair.call(1, "draws", "two")).status_code == 503:
                await asyncio.sleep(0.1)
        assert (answer.json(), pair.one.runs) == ({"result": 2}, 2)


async def test_answer_of_a_call_that_ends_while_redis_hangs_is_stored_later(
    own_redis: RedisServer, make_app: MakeApp
) -> None:
    async with replicas(make_app, own_redis) as pair:
        first = asyncio.create_task(pair.call(0, "waits"))
        with anyio.fail_after(10):
            await pair.one.begun.wait()
            with own_redis.hanging():
                pair.one.go_on.set()
                assert (await first).json() == {"result": 1}
                assert (await pair.call(0, "waits")).json() == {"result": 1}
            while (answer := await pair.call(1, "waits")).status_code == 503:
                await asyncio.sleep(0.1)
        assert (answer.json(), pair.one.runs) == ({"result": 1}, 1)


async def test_call_that_the_end_of_its_replica_interrupts_is_gone_at_once(
    redis: RedisServer, make_app: MakeApp
) -> None:
    one = Once()
    apps = [make_app(one.server(), redis_url=redis.url, shutdown_grace=0.1) for _ in range(2)]
    async with opened(apps[1]) as other:
        async with opened(apps[0]) as first:
            pair = Replicas(one, first, other)
            waiting = asyncio.create_task(pair.call(0, "waits"))
            await one.begun.wait()
            waiting.cancel()
        with anyio.fail_after(2):
            gone = await pair.call(1, "waits")
    assert (slug(gone), gone.json()["outcome"], one.runs) == ((410, "gone"), "unknown", 1)


def test_nothing_runs_twice_when_a_replica_is_killed(redis: RedisServer, tmp_path: Path) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_SERVERS_DIR": str(Path(__file__).parent / "servers")}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    notes = {tool: Note(tmp_path / tool) for tool in ("writes", "reads")}
    with (
        Router(tmp_path / "one", **settings) as killed,
        Router(tmp_path / "two", **settings) as other,
        ThreadPoolExecutor() as threads,
    ):
        ports = [killed.await_table().port, other.await_table().port]
        for tool, note in notes.items():
            threads.submit(call_at, ports[0], tool, seconds=60, note=str(note.path))
            note.await_lines("began")
        killed.process.kill()
        started = time.monotonic()
        again = [
            threads.submit(call_at, ports[1], tool, seconds=60, note=str(note.path)) for tool, note in notes.items()
        ]
        status, problem = again[0].result(timeout=15)
        assert 5 < time.monotonic() - started < 14
        assert (status, problem["type"], problem["outcome"]) == (410, "urn:multi-mcp:error:gone", "unknown")
        notes["reads"].await_lines("began", "began")
        assert notes["writes"].lines() == ["began"]
        assert call_at(ports[1], "writes", seconds=60, note=str(notes["writes"].path))[0] == 410
        other.process.kill()


def call_at(port: int, tool: str, **arguments: Any) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"content-type": "application/json", "idempotency-key": tool}
    try:
        connection.request("POST", "/noted/mcp/call", json.dumps({"tool": tool, "arguments": arguments}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
