"""Events of every server on one `subscriptions/listen` stream."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged

from gateway.aggregate.asks import Asks
from gateway.aggregate.events import ServerEvents
from gateway.aggregate.lists import Lists
from gateway.aggregate.owners import Owners
from gateway.servers.registry import Registry
from tests.clients import connected
from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio


def make(name: str) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(name)

    @server.tool()
    async def change(ctx: Context[Any, Any]) -> None:
        await ctx.notify_tools_changed()
        await ctx.notify_resource_updated("note://1")

    return server


@pytest.mark.slow
async def test_listener_hears_events_of_each_server_and_a_resource_by_both_its_uris(
    make_app: MakeApp,
) -> None:
    app = make_app(make("north"), make("south"))
    uris = ["note://south/1", "note://1"]
    async with (
        opened(app) as http,
        connected(http, "modern", "") as client,
        client.listen(tools_list_changed=True, resource_subscriptions=uris) as events,
    ):
        await client.call_tool("north_change", {})
        assert [await anext(events) for _ in range(2)] == [ToolsListChanged(), ResourceUpdated("note://1")]
        await client.call_tool("south_change", {})
        heard = [await anext(events) for _ in range(3)]
    assert heard == [ToolsListChanged(), ResourceUpdated("note://1"), ResourceUpdated("note://south/1")]


async def test_publishing_is_not_implemented() -> None:
    with pytest.raises(NotImplementedError):
        await ServerEvents(Registry(), Owners((), Lists(Asks(1)))).publish(ToolsListChanged())
