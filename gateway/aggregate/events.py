"""Change events of all servers on one `subscriptions/listen` stream."""

from __future__ import annotations

from collections.abc import Callable

from mcp.server.subscriptions import ListenHandler, ServerEvent
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated, ToolsListChanged

from gateway.aggregate.addresses import with_server
from gateway.server import Server
from gateway.servers.registry import Registry

Listener = Callable[[ServerEvent], None]
Unsubscribe = Callable[[], None]


class ServerEvents:
    """The SDK's `SubscriptionBus` over those of the servers there are now.

    A server that comes or goes changes every list. A resource is known by its URI over all servers and by the server's
    own, since either can be read.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.listen = ListenHandler(self)

    async def publish(self, event: ServerEvent) -> None:
        """Is never called: each server publishes on its own bus."""
        raise NotImplementedError

    def subscribe(self, listener: Listener) -> Unsubscribe:
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
            unsubscribe()
            for each in subscriptions.values():
                each()

        return end


def _over_all(server: Server, listener: Listener) -> Listener:
    def heard(event: ServerEvent) -> None:
        listener(event)
        if isinstance(event, ResourceUpdated):
            listener(ResourceUpdated(with_server(server.name, event.uri)))

    return heard
