"""`subscriptions/listen` at a server whose resources must be watched elsewhere for as long as somebody listens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler, ServerEvent, SubscriptionBus
from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

from gateway.errors import Unavailable
from gateway.sdk.native import protocol_error

Context = ServerRequestContext[Any, Any]
Listener = Callable[[ServerEvent], None]
Watching = Callable[[Context, Collection[str], Listener], AbstractAsyncContextManager[Collection[str]]]
"""Watches resources, for the client of a request, for as long as it is entered. Yields those that can be watched.

The listener is called with changes that the bus of the server does not tell. Raises MCPError.
"""


class WatchingListen:
    """The handler. A stream with resources is acknowledged when they are watched, without those that cannot be."""

    def __init__(self, bus: SubscriptionBus, watching: Watching) -> None:
        self._bus = bus
        self._watching = watching
        self._of_lists = ListenHandler(bus, max_subscriptions=sys.maxsize)
        self._open: set[ListenHandler] = set()
        self._is_closed = False

    async def __call__(self, ctx: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        uris = params.notifications.resource_subscriptions
        if not uris:
            return await self._of_lists(ctx, params)
        stream = _Stream(self._bus)
        async with self._watching(ctx, dict.fromkeys(uris), stream.tell) as watched:
            if self._is_closed:
                raise protocol_error(Unavailable("The server is closed."))
            honored = params.notifications.model_copy(update={"resource_subscriptions": [*watched]})
            handler = ListenHandler(stream)
            self._open.add(handler)
            try:
                return await handler(ctx, params.model_copy(update={"notifications": honored}))
            finally:
                self._open.discard(handler)

    def close(self) -> None:
        """Ends each open stream with its final result, as the specification says."""
        self._is_closed = True
        for handler in (self._of_lists, *self._open):
            handler.close()


class _Stream:
    """The bus of one stream, which hears what another bus tells and what `tell` is called with."""

    def __init__(self, bus: SubscriptionBus) -> None:
        self._bus = bus
        self._listeners: list[Listener] = []

    async def publish(self, event: ServerEvent) -> None:
        """Publishes for all."""
        await self._bus.publish(event)

    def tell(self, event: ServerEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        return self._bus.subscribe(listener)
