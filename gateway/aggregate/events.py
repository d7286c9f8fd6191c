"""The change events of all servers on one `subscriptions/listen` stream."""

from __future__ import annotations

from collections.abc import Callable

from mcp.server.subscriptions import ListenHandler, ServerEvent
from mcp.shared.subscriptions import ResourceUpdated

from gateway.aggregate.catalog import prefixed
from gateway.server import Server
from gateway.servers.registry import Registry

Listener = Callable[[ServerEvent], None]


class FanIn:
    """The SDK's `SubscriptionBus` over the servers' own. A resource is known by its URI and by its prefixed one."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.listen = ListenHandler(self)

    async def publish(self, event: ServerEvent) -> None:
        """Events are published by the servers, each on its own bus."""
        raise NotImplementedError

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        unsubscribes = [server.subscribe(_both_uris(server, listener)) for server in self._registry]

        def unsubscribe() -> None:
            for each in unsubscribes:
                each()

        return unsubscribe


def _both_uris(server: Server, listener: Listener) -> Listener:
    def heard(event: ServerEvent) -> None:
        listener(event)
        if isinstance(event, ResourceUpdated):
            listener(ResourceUpdated(uri=prefixed(server, event.uri)))

    return heard
