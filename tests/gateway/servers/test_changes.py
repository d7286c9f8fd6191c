"""Servers that are added and removed while the application runs. Every way in follows at once."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types import CompleteRequestParams, CompleteResult, Completion

from gateway.sdk.internals import low_level
from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.gateway.servers.added import add, listed, local, statuses
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_added_server_answers_on_every_way_in_until_it_is_removed(make_app: MakeApp) -> None:
    app = make_app(server_of(add), metrics="/metrics")
    async with opened(app) as http:
        assert set((await statuses(http)).values()) == {404}
        assert set((await listed(http)).values()) == {False}
        for _ in range(2):  # the second server has the same name but is another object
            await app.state.registry.add(local(app, server_of(add, name="two")))
            assert set((await statuses(http)).values()) == {200}
            assert set((await listed(http)).values()) == {True}
            await app.state.registry.remove("two", grace=1)
            assert set((await statuses(http)).values()) == {404}
            assert set((await listed(http)).values()) == {False}
        assert (await post(http, "add", {"a": 1, "b": 2}, server="one")).json() == {"result": 3}


@pytest.mark.parametrize("era", ERAS)
async def test_aggregate_lists_and_calls_the_current_servers(make_app: MakeApp, era: Era) -> None:
    app = make_app(server_of(add))
    async with opened(app) as http, connected(http, era, "") as client:

        async def names() -> list[str]:
            return [tool.name for tool in (await client.list_tools()).tools]

        assert await names() == ["one_add"]
        await app.state.registry.add(local(app, server_of(add, name="two")))
        assert await names() == ["one_add", "two_add"]
        assert not (await client.call_tool("two_add", {"a": 1, "b": 2})).is_error
        await app.state.registry.remove("two", grace=1)
        assert await names() == ["one_add"]
        assert (await client.call_tool("two_add", {"a": 1, "b": 2})).is_error


async def test_listening_client_is_notified_that_the_lists_changed(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    other = server_of(add, name="two")
    async with (
        opened(app) as http,
        connected(http, "modern", "") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        await app.state.registry.add(local(app, other))
        assert await anext(events) == ToolsListChanged()
        await app.state.registry.remove("two", grace=1)
        assert await anext(events) == ToolsListChanged()


async def test_legacy_session_is_notified_that_the_lists_changed(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    heard: list[str] = []
    changed = anyio.Event()

    async def note(message: Any) -> None:
        heard.append(getattr(message, "method", ""))
        if "notifications/tools/list_changed" in heard:
            changed.set()

    async with opened(app) as http, connected(http, "legacy", "", message_handler=note) as client:
        await client.list_tools()  # answered after the session is initialized
        await app.state.registry.add(local(app, server_of(add, name="two")))
        with anyio.fail_after(5):
            await changed.wait()


async def test_capabilities_of_the_aggregate_follow_the_servers(make_app: MakeApp) -> None:
    completing = server_of(add, name="two")

    async def complete(ctx: Any, params: Any) -> CompleteResult:
        return CompleteResult(completion=Completion(values=[]))

    low_level(completing).add_request_handler("completion/complete", CompleteRequestParams, complete)
    app = make_app(server_of(add))
    async with opened(app) as http:

        async def completes() -> bool:
            async with connected(http, "legacy", "") as client:
                return client.server_capabilities.completions is not None

        assert not await completes()
        await app.state.registry.add(local(app, completing))
        assert await completes()
        await app.state.registry.remove("two", grace=1)
        assert not await completes()
