"""Change events of all servers on one `subscriptions/listen` stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated, ToolsListChanged

from gateway.aggregate.addresses import with_server
from gateway.aggregate.owners import Owners
from gateway.sdk.changes.watching import Listener, WatchingListen
from gateway.server import Server
from gateway.servers.registry import Registry

Unsubscribe = Callable[[], None]


class ServerEvents:
    """The SDK's `SubscriptionBus` over those of the servers there are now.

    A server that comes or goes changes every list. A resource is known by its URI over all servers and by the server's
    own, since either can be read.
    """

    def __init__(self, registry: Registry, owners: Owners) -> None:
        self._registry = registry
        self._owners = owners
        self._listeners: dict[object, Listener] = {}
        self.listen = WatchingListen(self, self._watching)

    async def publish(self, event: ServerEvent) -> None:
        """Is never called: each server publishes on its own bus."""
        raise NotImplementedError

    def tell(self, event: ServerEvent) -> None:
        """Tells the listeners here alone."""
        for listener in [*self._listeners.values()]:
            listener(event)

    def subscribe(self, listener: Listener) -> Unsubscribe:
        token = object()
        self._listeners[token] = listener
        subscriptions: dict[str, Unsubscribe] = {}

        def follow(server: Server) -> None:
            subscriptions[server.name] = server.subscribe(_over_all(server, listener))

        def changed(server: Server, came: bool) -> None:
            if came:
                follow(server)
            elif server.name in subscriptions:
                subscriptions.pop(server.name)()
            for event in (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged()):
                listener(event)

        for server in self._registry:
            follow(server)
        unsubscribe = self._registry.subscribe(changed)

        def end() -> None:
            self._listeners.pop(token, None)
            unsubscribe()
            for each in subscriptions.values():
                each()

        return end

    @asynccontextmanager
    async def _watching(
        self, ctx: ServerRequestContext[Any, Any], uris: Collection[str], listener: Listener
    ) -> AsyncIterator[Collection[str]]:
        """Watches each resource at every server that has it. A server that cannot be reached costs its own alone."""
        watched = dict.fromkeys(uris)
        async with AsyncExitStack() as streams:
            for server, asked in (await self._owners.of_uris(ctx, uris)).items():
                try:
                    watching = server.watching(ctx, asked, _over_all(server, listener))
                    accepted = await streams.enter_async_context(watching)
                except MCPError:
                    accepted = ()
                for own in asked.keys() - {*accepted}:
                    watched.pop(asked[own], None)
            yield watched


def _over_all(server: Server, listener: Listener) -> Listener:
    def heard(event: ServerEvent) -> None:
        listener(event)
        if isinstance(event, ResourceUpdated):
            listener(ResourceUpdated(with_server(server.name, event.uri)))

    return heard
