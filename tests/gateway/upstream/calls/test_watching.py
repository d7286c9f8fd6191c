"""Resources of an upstream that clients of the stateless era listen to: the router watches them for so long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.subscriptions import Subscription
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated

from tests.clients import connected, post
from tests.gateway.upstream.calls.test_listening import SERVER
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher, watched
from tests.gateway.upstream.conftest import Serving, entry, status
from tests.gateway.upstream.http.conftest import sdk_server
from tests.gateway.upstream.reaching import Reached
from tests.gateway.upstream.test_server import text
from tests.matrix.principals import GREEDY, MODEST
from tests.shipped import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
CELLS = [("http", "modern"), ("http", "legacy"), ("stdio", "modern"), ("stdio", "legacy")]


@pytest.fixture(scope="module")
def noting() -> Iterator[str]:
    with sdk_server(module=SERVER) as found:
        yield found


def described(url: str, transport: str, era: str) -> dict[str, Any]:
    if transport == "http":
        return {"url": url, "era": era}
    return {"command": sys.executable, "args": ["-m", SERVER, "stdio"], "cwd": str(ROOT), "era": era}


async def told(http: httpx2.AsyncClient, events: Subscription) -> object:
    """Changes the resources until the stream tells of it: the one upstream may not be open yet."""
    found: list[object] = []

    async def listen() -> None:
        found.append(await anext(events))

    with anyio.fail_after(15):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            while not found:
                assert (await post(http, "touch")).json() == {"result": "touched"}
                await anyio.sleep(0.05)
    return found[0]


async def until_nothing_is_watched(http: httpx2.AsyncClient, tool: str = "watched") -> None:
    with anyio.fail_after(5):
        while (await post(http, tool)).json() != {"result": []}:
            await anyio.sleep(0.02)


@pytest.mark.parametrize(("transport", "era"), CELLS)
@pytest.mark.parametrize(("server", "uri"), [("one", NOTE), ("", "note://one/a"), ("", NOTE)])
async def test_stream_hears_of_the_resources_of_its_filter_alone(
    serving: Serving, noting: str, transport: str, era: str, *, server: str, uri: str
) -> None:
    async with serving(one=described(noting, transport, era)) as http:
        await status(http)
        async with connected(http, "modern", server) as client:
            async with client.listen(resource_subscriptions=[uri]) as events:
                assert await told(http, events) == ResourceUpdated(uri)
            if era == "legacy":
                await until_nothing_is_watched(http)


async def test_resource_is_watched_once_for_streams_and_sessions_and_until_the_last_one_leaves(
    serving: Serving,
) -> None:
    watcher = Watcher()
    async with serving(one=entry("legacy")) as http, AsyncExitStack() as clients:
        await status(http)
        modern = await clients.enter_async_context(connected(http, "modern"))
        async with modern.listen(resource_subscriptions=[NOTE]) as first:
            async with (
                modern.listen(resource_subscriptions=[NOTE]),
                connected(http, "legacy", message_handler=watcher.hear) as legacy,
            ):
                await watched(legacy)
                assert (await text(http, "seen"))["watched"] == [NOTE]
                await post(http, "touch")
                await watcher.hears(1)
            assert await anext(first) == ResourceUpdated(NOTE)
            assert (await text(http, "seen"))["watched"] == [NOTE]
        with anyio.fail_after(5):
            while (await text(http, "seen"))["watched"]:
                await anyio.sleep(0.02)


async def test_acknowledgement_lacks_the_resources_that_the_server_refuses(serving: Serving, noting: str) -> None:
    async with serving(one=described(noting, "http", "legacy")) as http:
        await status(http)
        uris = ["note://none", NOTE]
        async with connected(http, "modern") as client, client.listen(resource_subscriptions=uris) as events:
            assert events.honored is not None
            assert events.honored.resource_subscriptions == [NOTE]


async def test_number_of_resources_of_a_stream_is_bounded(serving: Serving) -> None:
    async with serving(one=entry("legacy")) as http:
        await status(http)
        uris = [f"note://{each}" for each in range(101)]
        async with connected(http, "modern") as client, client.listen(resource_subscriptions=uris[:100]):
            with pytest.raises(MCPError, match="Too many watched resources"):
                await _listen(client, uris)
            await _listen(client, uris[:1])


async def test_watched_resources_of_one_caller_are_a_share_of_all(reached: Reached) -> None:
    async with reached(entry("legacy"), max_share=0.05) as target:
        target.http.headers.update(GREEDY)
        await status(target.http)
        async with connected(target.http, "modern") as greedy:
            with pytest.raises(MCPError, match="one caller may have 50 of 1000"):
                await _listen(greedy, [f"note://{each}" for each in range(51)])
            async with greedy.listen(resource_subscriptions=[f"note://{each}" for each in range(50)]):
                target.http.headers.update(MODEST)
                async with connected(target.http, "modern") as modest:
                    await _listen(modest, [NOTE])


async def test_stream_of_a_caller_hears_of_the_process_of_this_caller(serving: Serving) -> None:
    async with serving(one=entry("legacy", process="caller")) as http:
        await status(http)
        async with connected(http, "modern") as client, client.listen(resource_subscriptions=[NOTE]) as events:
            assert await told(http, events) == ResourceUpdated(NOTE)


async def test_new_process_is_told_again_and_the_stream_that_it_may_have_missed_a_change(serving: Serving) -> None:
    async with serving(one=entry("legacy")) as http:
        await status(http)
        async with connected(http, "modern") as client, client.listen(resource_subscriptions=[NOTE]) as events:
            await post(http, "die")
            with anyio.fail_after(10):
                assert await anext(events) == ResourceUpdated(NOTE)
            assert (await text(http, "seen"))["watched"] == [NOTE]


async def test_process_with_a_listener_is_not_stopped_for_being_idle(serving: Serving) -> None:
    async with serving(one=entry("legacy", idleTimeout=0.2)) as http:
        await status(http)
        async with connected(http, "modern") as client:
            async with client.listen(resource_subscriptions=[NOTE]):
                pid = (await post(http, "pid")).json()
                await anyio.sleep(0.6)
                assert (await http.get("/one/mcp/health")).json()["status"] == "ok"
                assert (await post(http, "pid")).json() == pid
            await status(http, "idle")


async def _listen(client: Client, uris: list[str]) -> None:
    async with client.listen(resource_subscriptions=uris):
        pass
