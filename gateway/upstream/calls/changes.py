"""The changes that an upstream tells of, on their way to the clients that listen, here and in other processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import ResourceUpdated, event_from_wire

from gateway.errors import Unavailable
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.changes.legacy_sessions import LegacySessions
from gateway.sdk.changes.notifier import LISTS_CHANGED, notification
from gateway.sdk.native import protocol_error
from gateway.upstream.calls.wishes import Wishes
from gateway.upstream.current import Current
from gateway.upstream.front import Front
from gateway.upstream.link import Link, Params
from gateway.upstream.pool import OWN
from gateway.upstream.telling import UPDATED


class Changes:
    """Tells the streams of `front`, and `sessions`. Each process of a deployment has its own link to the upstream.

    What is heard on the router's own link goes over `exchange`, and what comes from there is taken as if it were heard
    here, but does not go on: so the other processes look at the lists of their own links again.
    """

    def __init__(self, server: str, front: Front, exchange: Exchange) -> None:
        self.sessions = LegacySessions()
        self._server = server
        self._bus = front.bus
        self._exchange = exchange
        self._current: Current
        self._wishes: Wishes
        self._listened: Callable[[], Collection[str]]
        front.listen(self.watching)

    def connect(self, current: Current, wishes: Wishes, listened: Callable[[], Collection[str]]) -> None:
        """`listened` returns the resources of open streams. Called once, before anything else."""
        self._current, self._wishes, self._listened = current, wishes, listened

    def opened(self) -> AbstractContextManager[None]:
        return self._exchange.hear(self._server, self._hear, self._missed)

    def heard(self, method: str, params: Params) -> None:
        """Takes each notification of the router's own link."""
        if (event := event_from_wire(method, params)) is not None:
            self._exchange.tell(self._server, *notification(event))

    async def told(self, method: str, params: Params, place: str) -> None:
        """Tells the clients what the upstream has said on the link at `place`."""
        if (event := event_from_wire(method, params)) is not None:
            if place == OWN:
                await self._bus.publish(event)
            if isinstance(event, ResourceUpdated):
                self._wishes.updated(event.uri, place)
            else:
                self.sessions.tell(event)

    async def repeat(self, link: Link, place: str) -> None:
        """Tells a new link what the one before was told, and the clients that they may have missed changes."""
        await self.missed(await self._wishes.repeat(link, place), place)

    async def missed(self, uris: Collection[str], place: str) -> None:
        """Tells the clients of resources at the links of `place` that may have changed."""
        for uri in uris:
            await self.told(UPDATED, {"uri": uri}, place)

    @asynccontextmanager
    async def watching(
        self, ctx: ServerRequestContext[Any, Any], uris: Collection[str], listener: Callable[[ServerEvent], None]
    ) -> AsyncIterator[Collection[str]]:
        """Watches resources for a stream, as `Peer` says. An upstream that promises no changes is not asked."""
        try:
            await self._current.listed()
        except Unavailable as exc:
            raise protocol_error(exc) from exc
        async with self._wishes.watching(ctx, uris, listener) as watched:
            yield watched

    def _hear(self, method: str, uri: str) -> None:
        self._current.backend.hear(method, {"uri": uri} if uri else {})

    def _missed(self) -> None:
        for event in LISTS_CHANGED:
            self._hear(*notification(event))
        for uri in {*self._listened(), *self._wishes.watched()}:
            self._hear(UPDATED, uri)
