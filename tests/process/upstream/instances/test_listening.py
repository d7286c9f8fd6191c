"""Streams of clients that listen to a server of which instances die and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.subscriptions import Subscription
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged

from tests.clients import connected, post
from tests.gateway.upstream.calls.test_listening import SERVER
from tests.gateway.upstream.calls.test_watching import told
from tests.gateway.upstream.calls.test_wishes import NOTE
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.instances.twins import twins, until
from tests.process.upstream.instances.processes import Instance

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
Pair = tuple[Instance, Instance]


@pytest.fixture(scope="module")
def processes() -> Iterator[Pair]:
    pair = Instance(SERVER), Instance(SERVER)
    try:
        for instance in pair:
            instance.ready()
        yield pair
    finally:
        for instance in pair:
            instance.kill()


async def states(http: httpx2.AsyncClient) -> list[str]:
    health = (await http.get("/one/mcp/health")).json()
    return [instance["state"] for instance in health["instances"]]


async def nothing_waits(events: Subscription) -> None:
    """Reads what the stream has been told until now."""
    with anyio.move_on_after(0.5):
        async for _ in events:
            pass


async def next_of(events: Subscription, kind: type[object]) -> object:
    with anyio.fail_after(20):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError("the stream has ended")


@asynccontextmanager
async def listening(serving: Serving, pair: Pair, era: str) -> AsyncIterator[tuple[Client, httpx2.AsyncClient]]:
    for instance in pair:
        instance.start()
    entry = {"instances": [instance.url for instance in pair], "era": era}
    async with serving(one=entry) as http:
        await status(http)
        await until(lambda: states(http), ["ready", "ready"], 20)
        async with connected(http, "modern") as client:
            yield client, http


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_stream_outlives_each_instance_in_turn_and_hears_of_the_resources_of_those_that_are_there(
    serving: Serving, processes: Pair, era: str
) -> None:
    first, second = processes
    async with listening(serving, processes, era) as (client, http):
        async with client.listen(resource_subscriptions=[NOTE]) as events:
            assert await told(http, events) == ResourceUpdated(NOTE)
            first.kill()
            await nothing_waits(events)
            assert await told(http, events) == ResourceUpdated(NOTE)  # of the second, which alone is left
            await nothing_waits(events)
            await anyio.to_thread.run_sync(first.start)
            await until(lambda: states(http), ["ready", "ready"], 20)
            # Nobody has touched anything: the client is told that it may have missed a change.
            assert await next_of(events, ResourceUpdated) == ResourceUpdated(NOTE)
            second.kill()
            await nothing_waits(events)
            assert await told(http, events) == ResourceUpdated(NOTE)  # of the first, which is watched again
        assert (await post(http, "touch")).status_code == 200


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_stream_hears_of_the_tools_of_an_instance_that_comes_back_with_others(
    serving: Serving, endpoint: str
) -> None:
    async with (
        twins(serving, count=2) as two,
        connected(two.http, "modern", endpoint) as client,
        client.listen(tools_list_changed=True) as events,
    ):
        await two[0].stop()
        two[0].tools.append("new_one")
        await two.called(10)
        await two.reach("down", "ready")
        await two[0].start()
        await next_of(events, ToolsListChanged)
        names = [tool.name for tool in (await client.session.list_tools()).tools]
        assert ("new_one" if endpoint else "one_new_one") in names
