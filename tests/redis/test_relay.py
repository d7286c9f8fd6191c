"""Calls that wait in one replica and are continued from another one, over Redis."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio
import pytest

from gateway.redis import RedisClient
from tests.conftest import MakeApp
from tests.gateway.relay.pair import Pair, replicas
from tests.gateway.relay.test_ways import *  # noqa: F403  # the same tests
from tests.process.live.asking.rounds import FOLDERS, WAYS, Door, answers_to, over_json, over_websocket
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


@pytest.fixture
def open_pair(redis: RedisServer, make_app: MakeApp) -> Open:  # noqa: F405
    return partial(replicas, make_app, redis_url=redis.url)


async def test_nothing_of_a_finished_call_stays_in_redis(pair: Pair, client: RedisClient) -> None:
    answer = await pair.go_on(await pair.begin("reports", steps=0, length=100_000))
    assert answer.status_code == 200
    assert [str(key).rpartition(":")[2] for key in await client.client.keys("*")] == ["state-key'"]


@pytest.mark.parametrize("damaged", [b"", b"5", b'"text"', b"[]", b"{}", b'{"from": "x", "call": 1, "continue": {}}'])
async def test_damaged_message_is_dropped(pair: Pair, client: RedisClient, damaged: bytes) -> None:
    body = await pair.begin("once")
    for channel in await client.client.pubsub_channels():
        await client.client.publish(channel, damaged)
    assert (await pair.go_on(body)).json() == {"result": {"size": 3}}


async def test_reports_that_nobody_reads_are_dropped_and_the_result_is_not(pair: Pair) -> None:
    answer = await pair.go_on(await pair.begin("reports", steps=2000, length=1))
    assert answer.json() == {"result": "x"}


async def test_replicas_with_a_key_and_without_redis_answer_410_for_a_call_that_waits_elsewhere(
    make_app: MakeApp,
) -> None:
    async with replicas(make_app, state_keys=(secrets.token_hex(32),)) as pair:
        answer = await pair.go_on(await pair.begin("once"))
        assert (answer.status_code, answer.json()["type"]) == (410, "urn:multi-mcp:error:gone")


async def test_redis_that_goes_away_makes_continuations_503_until_it_is_back(
    own_redis: RedisServer, make_app: MakeApp
) -> None:
    async with replicas(make_app, redis_url=own_redis.url) as pair:
        body = await pair.begin("once")
        own_redis.stop()
        refused = await pair.go_on(body)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert (await pair.first.get("/health")).status_code == 200
        own_redis.start()
        with anyio.fail_after(10):
            while (answer := await pair.go_on(body)).status_code in (410, 503):
                await asyncio.sleep(0.1)
        assert answer.json() == {"result": {"size": 3}}


async def test_redis_that_goes_away_in_mid_call_ends_its_continuation(
    own_redis: RedisServer, make_app: MakeApp
) -> None:
    async with replicas(make_app, redis_url=own_redis.url) as pair:
        body = await pair.begin("waits")
        with anyio.fail_after(10):
            continued = asyncio.create_task(pair.go_on(body))
            await pair.asking.begun.wait()
            own_redis.stop()
            assert (await continued).status_code == 503
            await pair.asking.ended.wait()


@pytest.mark.parametrize("is_running", [False, True])
def test_call_whose_replica_is_killed_is_gone_within_about_a_second(
    redis: RedisServer, tmp_path: Path, is_running: bool
) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_SERVERS_DIR": FOLDERS}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    note = Note(tmp_path / "note")
    arguments = {"dish": "cake", "seconds": 60, "note": str(note.path)}
    with Router(tmp_path / "one", **settings) as owner, Router(tmp_path / "two", **settings) as other:
        asked = Door(owner.await_table()).call("in_body_and_waits", arguments)[1]
        door = Door(other.await_table())
        if not is_running:
            owner.process.kill()
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(door.call, "in_body_and_waits", arguments, **answers_to(asked))
            if is_running:
                note.await_lines("began", str(owner.process.pid))
                owner.process.kill()
            started = time.monotonic()
            status, problem = answer.result(timeout=10)
    assert (status, problem["type"]) == (410, "urn:multi-mcp:error:gone")
    assert time.monotonic() - started < 5


def test_every_continuation_works_over_three_replicas_with_one_redis(redis: RedisServer, tmp_path: Path) -> None:
    def started(number: int) -> Router:
        (tmp_path / str(number)).mkdir()
        return Router(tmp_path / str(number), REDIS_URL=redis.url, MCP_SERVERS_DIR=FOLDERS)

    with started(0) as one, started(1) as two, started(2) as three:
        door = Door(*(router.await_table() for router in (one, two, three)))
        by_result = Counter(way(door, tool) for way in WAYS for tool in ("by_result", "by_resolver") for _ in range(27))
        in_body = Counter(way(door, "in_body") for way in (over_json, over_websocket) for _ in range(27))
        assert (by_result, in_body) == ({"cake of size 3": 27 * 8}, {"cake of size 3": 54})
        assert [router.complaints() for router in (one, two, three)] == [[], [], []]
