"""Changes of which an upstream tells one process of a deployment, and that clients of the others hear of, too."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.shared.subscriptions import ResourceUpdated

from features.asking import Inheritance, inherited
from tests.clients import connected, post
from tests.conftest import MakeApp
from tests.gateway.upstream.calls.test_listening import SERVER
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher, watched
from tests.gateway.upstream.conftest import entry, status, written
from tests.gateway.upstream.http.conftest import sdk_server
from tests.transport import opened

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]


@pytest.fixture(scope="module")
def noting() -> Iterator[str]:
    with sdk_server(module=SERVER) as found:
        yield found


@asynccontextmanager
async def workers(make_app: MakeApp, folder: Path, one: dict[str, Any]) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Opens two applications as those of two workers, each with its own link to the server."""
    file = written(folder, {"one": one})
    token = inherited.set(Inheritance(secrets.token_hex(32), str(folder)))
    try:
        async with AsyncExitStack() as stack:
            found = [await stack.enter_async_context(opened(make_app(servers_file=file))) for _ in range(2)]
            for http in found:
                await status(http)
            yield found
    finally:
        inherited.reset(token)


async def test_change_that_the_server_tells_one_of_its_sessions_is_heard_at_every_process(
    make_app: MakeApp, tmp_path: Path, noting: str
) -> None:
    """The server tells the session alone that has subscribed last."""
    watcher = Watcher()
    async with (
        workers(make_app, tmp_path, {"url": noting, "era": "legacy"}) as (first, second),
        connected(first, "legacy", message_handler=watcher.hear) as legacy,
        connected(first, "modern") as modern,
        connected(second, "modern") as other,
        modern.listen(resource_subscriptions=[NOTE]) as events,
    ):
        await watched(legacy)
        async with other.listen(resource_subscriptions=[NOTE]):
            assert (await post(first, "touch")).json() == {"result": "touched"}
            with anyio.fail_after(10):
                assert await anext(events) == ResourceUpdated(NOTE)
            await watcher.hears(1)


async def test_lists_that_change_in_one_process_are_read_again_in_the_others_and_differ_only_if_theirs_do(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with (
        workers(make_app, tmp_path, entry("legacy")) as (first, second),
        connected(second, "modern") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        calls = json.loads((await post(second, "seen")).json()["result"])["calls"]
        assert (await post(first, "grow")).json() == {"result": "grown"}
        with pytest.raises(TimeoutError), anyio.fail_after(1):
            await anext(events)
        assert json.loads((await post(second, "seen")).json()["result"])["calls"] == calls + 1
        assert "grown" in [tool["name"] for tool in (await first.get("/one/mcp/tools")).json()["tools"]]
        assert "grown" not in [tool["name"] for tool in (await second.get("/one/mcp/tools")).json()["tools"]]
