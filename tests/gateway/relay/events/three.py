"""Three applications of one deployment, and listeners of both eras at each, whose events come from one of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.subscriptions import ServerEvent
from mcp_types import EmptyResult, SubscribeRequestParams

from gateway.sdk.changes.notifier import notification
from gateway.sdk.internals import low_level
from tests.clients import connected
from tests.conftest import MakeApp, server_of
from tests.transport import opened

NOTE, NOTE_OVER_ALL = "note://1", "note://one/1"
LISTS = [f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")]
UPDATED = "notifications/resources/updated"


async def publish(ctx: Context[Any, Any]) -> None:
    await ctx.notify_tools_changed()
    await ctx.notify_prompts_changed()
    await ctx.notify_resources_changed()
    await ctx.notify_resource_updated(NOTE)


async def say(ctx: Context[Any, Any]) -> None:
    await ctx.session.send_tool_list_changed()
    await ctx.session.send_prompt_list_changed()
    await ctx.session.send_resource_list_changed()
    await ctx.session.send_resource_updated(NOTE)


async def flood(ctx: Context[Any, Any], uris: int = 1, times: int = 10_000) -> None:
    for number in range(times):
        await ctx.notify_resource_updated(f"{NOTE}{number % uris}" if uris > 1 else NOTE)


def one() -> MCPServer[Any]:
    made = server_of(publish, say, flood)

    async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        return EmptyResult()

    low_level(made).add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    return made


class Listener:
    """A client that hears everything. `heard` counts notifications by method."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    async def message(self, message: Any) -> None:
        if getattr(message, "method", "") in {*LISTS, UPDATED}:
            self.heard[message.method] += 1

    async def listen(self, events: AsyncIterator[ServerEvent]) -> None:
        async for event in events:
            self.heard[notification(event)[0]] += 1

    async def hears(self, *methods: str) -> None:
        with anyio.fail_after(10):
            while not all(self.heard[method] for method in methods or (*LISTS, UPDATED)):
                await anyio.sleep(0.01)


@asynccontextmanager
async def listening(*replicas: httpx2.AsyncClient) -> AsyncIterator[dict[str, Listener]]:
    """Connects a listener of each era to the server, and to `/mcp`, of each replica."""
    async with AsyncExitStack() as stack:
        found: dict[str, Listener] = {}
        for number, http in enumerate(replicas):
            for server, uri in (("one", NOTE), ("", NOTE_OVER_ALL)):
                listener = found[f"modern at {server} of {number}"] = Listener()
                modern = await stack.enter_async_context(connected(http, "modern", server))
                lists: Any = dict.fromkeys(
                    ("tools_list_changed", "prompts_list_changed", "resources_list_changed"), True
                )
                events = await stack.enter_async_context(modern.listen(resource_subscriptions=[uri], **lists))
                stack.callback(asyncio.create_task(listener.listen(events)).cancel)
                listener = found[f"legacy at {server} of {number}"] = Listener()
                client = connected(http, "legacy", server, message_handler=listener.message)
                legacy = await stack.enter_async_context(client)
                await legacy.session.subscribe_resource(uri)
        yield found


@asynccontextmanager
async def three(make_app: MakeApp, **settings: Any) -> AsyncIterator[list[httpx2.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(make_app(one(), **settings))) for _ in range(3)]
