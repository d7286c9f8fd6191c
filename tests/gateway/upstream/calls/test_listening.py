"""Resources of a server of the stateless era that clients with sessions watch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import connected, post
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher, watched
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.conftest import sdk_server
from tests.shipped import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
SERVER = "tests.gateway.upstream.calls.noting_server"


@pytest.fixture(scope="module")
def noting() -> Iterator[str]:
    with sdk_server(module=SERVER) as found:
        yield found


async def told(http: httpx2.AsyncClient, watcher: Watcher) -> None:
    """Changes the resources until the client hears of it: the stream upstream may not be open yet."""
    with anyio.fail_after(15):
        while not watcher.heard:
            assert (await post(http, "touch")).json() == {"result": "touched"}
            await anyio.sleep(0.05)


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_change_is_told_to_those_who_watch_and_until_they_leave(
    serving: Serving, noting: str, transport: str
) -> None:
    one: dict[str, Any] = {"url": noting, "era": "modern"}
    if transport == "stdio":
        one = {"command": sys.executable, "args": ["-m", SERVER, "stdio"], "cwd": str(ROOT), "era": "modern"}
    watcher, other = Watcher(), Watcher()
    async with serving(one=one) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=watcher.hear) as client:
            async with connected(http, "legacy", message_handler=other.hear) as second:
                await watched(client)
                await told(http, watcher)
                await watched(second, "note://b")
                await told(http, other)
            assert {*watcher.heard} == {NOTE}
            assert {*other.heard} == {"note://b"}
            await client.session.unsubscribe_resource(NOTE)
            with anyio.fail_after(5):
                while watcher.heard:
                    watcher.heard.clear()
                    await post(http, "touch")
                    await anyio.sleep(0.05)


async def test_new_process_is_listened_to_again(serving: Serving) -> None:
    watcher = Watcher()
    one = {"command": sys.executable, "args": ["-m", SERVER, "stdio"], "cwd": str(ROOT), "era": "modern"}
    async with serving(one=one) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=watcher.hear) as client:
            await watched(client)
            await told(http, watcher)
            assert (await post(http, "end")).json()["outcome"] == "unknown"
            assert (await post(http, "touch")).status_code == 200
            watcher.heard.clear()
            await told(http, watcher)
    assert {*watcher.heard} == {NOTE}
