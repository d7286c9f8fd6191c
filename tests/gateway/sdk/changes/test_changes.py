"""Change events of a server of this process, as its code tells them and as clients of both eras hear them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import PromptsListChanged, ResourceUpdated, ToolsListChanged
from mcp_types import EmptyResult, SubscribeRequestParams

from gateway.sdk.internals import low_level
from tests.clients import connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
NOTE = "note://1"
TOOLS, UPDATED = "notifications/tools/list_changed", "notifications/resources/updated"


async def publish(ctx: Context[Any, Any]) -> None:
    await ctx.notify_tools_changed()
    await ctx.notify_resource_updated(NOTE)


async def say(ctx: Context[Any, Any]) -> None:
    await ctx.session.send_tool_list_changed()
    await ctx.session.send_resource_updated(NOTE)


async def loop(ctx: Context[Any, Any]) -> None:
    for _ in range(1000):
        await ctx.session.send_tool_list_changed()
    await ctx.session.send_prompt_list_changed()


class Heard:
    """The notifications that one session has received."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()

    async def __call__(self, message: Any) -> None:
        self.methods[getattr(message, "method", "")] += 1

    async def hears(self, *methods: str) -> None:
        with anyio.fail_after(5):
            while not all(self.methods[method] for method in methods):
                await anyio.sleep(0.01)


def server(**options: Any) -> MCPServer[Any]:
    made = server_of(publish, say, loop, **options)

    async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        return EmptyResult()

    low_level(made).add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    return made


@pytest.mark.parametrize("endpoint", ["one", ""])
@pytest.mark.parametrize("bus", [None, InMemorySubscriptionBus(), type("Own", (InMemorySubscriptionBus,), {})()])
async def test_sessions_hear_what_a_server_publishes_and_of_the_resources_that_they_watch(
    make_app: MakeApp, endpoint: str, bus: Any
) -> None:
    watching, other = Heard(), Heard()
    async with (
        opened(make_app(server(subscriptions=bus))) as http,
        connected(http, "legacy", endpoint, message_handler=watching) as client,
        connected(http, "legacy", endpoint, message_handler=other),
    ):
        await client.session.subscribe_resource(NOTE if endpoint else "note://one/1")
        await post(http, "publish")
        await watching.hears(TOOLS, UPDATED)
        await other.hears(TOOLS)
    assert (watching.methods[UPDATED], other.methods[UPDATED]) == (1, 0)


@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_what_a_server_tells_one_session_is_heard_by_all_who_listen(make_app: MakeApp, endpoint: str) -> None:
    own, other, tool = Heard(), Heard(), "say" if endpoint else "one_say"
    async with (
        opened(make_app(server())) as http,
        connected(http, "modern", "one") as modern,
        connected(http, "legacy", "one", message_handler=other) as watching,
        connected(http, "legacy", endpoint, message_handler=own) as client,
        modern.listen(tools_list_changed=True, resource_subscriptions=[NOTE]) as events,
    ):
        await watching.session.subscribe_resource(NOTE)
        await client.call_tool(tool, {})
        heard = [await anext(events) for _ in range(2)]
        await own.hears(TOOLS, UPDATED)
        await other.hears(TOOLS, UPDATED)
    assert heard == [ToolsListChanged(), ResourceUpdated(NOTE)]
    assert own.methods[UPDATED] == 1


@pytest.mark.parametrize("stateless", [False, True])
@pytest.mark.parametrize("endpoint", ["one", ""])
async def test_what_a_server_tells_a_client_without_a_session_is_heard_by_all_who_listen(
    make_app: MakeApp, endpoint: str, stateless: bool
) -> None:
    tool = "say" if endpoint else "one_say"
    async with (
        opened(make_app(server(), stateless=stateless)) as http,
        connected(http, "modern", "one") as listening,
        connected(http, "modern", endpoint) as modern,
        connected(http, "legacy", endpoint) as legacy,
        listening.listen(tools_list_changed=True, resource_subscriptions=[NOTE]) as events,
    ):
        for call in (modern.call_tool(tool, {}), legacy.call_tool(tool, {}), post(http, "say")):
            await call
            with anyio.fail_after(5):
                assert [await anext(events) for _ in range(2)] == [ToolsListChanged(), ResourceUpdated(NOTE)]


async def test_flood_in_one_session_is_one_event_for_the_others(make_app: MakeApp) -> None:
    async with (
        opened(make_app(server())) as http,
        connected(http, "modern", "one") as modern,
        connected(http, "legacy", "one") as client,
        modern.listen(tools_list_changed=True, prompts_list_changed=True) as events,
    ):
        await client.call_tool("loop", {})
        heard = [await anext(events)]
        while heard[-1] != PromptsListChanged():
            heard.append(await anext(events))
    assert len(heard) < 200
