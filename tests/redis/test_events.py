"""Change events reach clients of both eras at every replica, over Redis."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gateway.redis import RedisClient
from tests.clients import ERAS, Era, post
from tests.conftest import MakeApp
from tests.gateway.relay.events.test_exchange import *  # noqa: F403  # the same tests
from tests.gateway.relay.events.three import LISTS, Listener, listening, three
from tests.process.live.router import Router
from tests.redis.redis import RedisServer
from tests.wire import MODERN

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.redis,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
SERVERS = str(Path(__file__).parent / "servers")
TOOLS = LISTS[0]


@pytest.fixture
def open_three(redis: RedisServer, make_app: MakeApp) -> Replicas:  # noqa: F405
    return partial(three, make_app, redis_url=redis.url)


@pytest.mark.parametrize("era", ERAS)
async def test_nine_of_nine_events_are_heard_at_any_replica(redis: RedisServer, tmp_path: Path, era: Era) -> None:
    """Real routers: a listener at each hears the changes at each."""
    routers = [started(tmp_path / str(number), redis) for number in range(3)]
    try:
        listeners = [Listener() for _ in routers]
        async with anyio.create_task_group() as tasks:
            for router, listener in zip(routers, listeners, strict=True):
                await tasks.start(heard_at, router.port, era, listener)
            for router in routers:
                for listener in listeners:
                    listener.heard.clear()
                assert router.call("changing", "change")[0] == 200
                for listener in listeners:
                    await listener.hears(*LISTS)
            tasks.cancel_scope.cancel()
        assert [router.complaints() for router in routers] == [[], [], []]
    finally:
        for router in routers:
            router.__exit__(None, None, None)


def started(folder: Path, redis: RedisServer) -> Router:
    folder.mkdir()
    return Router(folder, REDIS_URL=redis.url, MCP_SERVERS_DIR=SERVERS, SERVERS="changing").await_table()


async def heard_at(port: int, era: Era, listener: Listener, *, task_status: Any) -> None:
    """Listens at `/{server}/mcp` of one router."""
    url = f"http://127.0.0.1:{port}/changing/mcp"
    mode = "legacy" if era == "legacy" else MODERN
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, message_handler=listener.message) as client,
    ):
        if era == "legacy":
            await client.list_tools()  # answered after the session is initialized
            task_status.started()
            await anyio.sleep_forever()
        lists: Any = dict.fromkeys(("tools_list_changed", "prompts_list_changed", "resources_list_changed"), True)
        async with client.listen(**lists) as events:
            task_status.started()
            await listener.listen(events)


async def test_redis_that_was_away_makes_clients_refresh_when_it_is_back(
    own_redis: RedisServer, make_app: MakeApp
) -> None:
    async with three(make_app, redis_url=own_redis.url) as replicas, listening(*replicas) as listeners:
        own_redis.stop()
        assert (await post(replicas[0], "publish")).status_code == 200
        for name, listener in listeners.items():
            if name.endswith("0"):
                await listener.hears()
                listener.heard.clear()
        own_redis.start()
        for listener in listeners.values():
            await listener.hears()
            listener.heard.clear()
        await anyio.sleep(1)
        for listener in listeners.values():
            listener.heard.clear()
        assert (await post(replicas[1], "publish")).status_code == 200
        for listener in listeners.values():
            await listener.hears()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"5",
        b"\xff",
        b"{}",
        b'{"from": 1, "events": [], "missed": true}',
        b'{"from": "x", "events": [["one"]], "missed": true}',
        b'{"from": "x", "events": [["one", "notifications/other", ""]], "missed": true}',
        json.dumps({"from": "x", "events": [["one", TOOLS, "u" * 3000]], "missed": True}).encode(),
        json.dumps({"from": "x", "events": [["one", TOOLS, "\ud800"]], "missed": True}).encode(),
        json.dumps({"from": "x", "events": [["unknown", TOOLS, ""]], "missed": False}).encode(),
        json.dumps({"from": "x", "events": [], "missed": True, "more": "x" * 100_000}).encode(),
    ],
)
async def test_message_that_is_damaged_or_of_an_unknown_server_is_dropped(
    open_three: Replicas,  # noqa: F405
    client: RedisClient,
    damaged: bytes,
) -> None:
    async with open_three(redis_prefix="test") as replicas, listening(replicas[0]) as listeners:
        await client.client.publish("multi-mcp:test:events", damaged)
        await anyio.sleep(0.3)
        assert [listener.heard for listener in listeners.values() if listener.heard] == []
        assert (await post(replicas[1], "publish")).status_code == 200
        for listener in listeners.values():
            await listener.hears()


async def test_deployments_of_one_redis_do_not_hear_of_each_other(redis: RedisServer, make_app: MakeApp) -> None:
    async with (
        three(make_app, redis_url=redis.url, redis_prefix="a") as one,
        three(make_app, redis_url=redis.url, redis_prefix="b") as other,
        listening(other[0]) as listeners,
    ):
        assert (await post(one[0], "publish")).status_code == 200
        await anyio.sleep(0.4)
        assert [listener.heard for listener in listeners.values() if listener.heard] == []
