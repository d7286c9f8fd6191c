"""The change events of a server of this process: whichever way its code tells one, everybody who listens hears it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import ServerEvent, SubscriptionBus
from mcp.shared.subscriptions import ResourceUpdated, event_from_wire

from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.changes.legacy_sessions import LegacySessions
from gateway.sdk.changes.notifier import LISTS_CHANGED, WINDOW, notification
from gateway.sdk.changes.observed import Observed
from gateway.sdk.changes.watched import Watched
from gateway.sdk.internals import connection_of, with_outbound, with_session

Context = ServerRequestContext[Any, Any]
MAX_WAITING = 1000
"""Different events of sessions that wait to be told to others. Further ones reach the client of their session alone."""


class Changes:
    """An SDK middleware of the server, which publishes on `bus`. `listened` returns the resources of open streams.

    The events of other processes come over `exchange`.
    """

    def __init__(
        self, server: str, bus: SubscriptionBus, exchange: Exchange, listened: Callable[[], Collection[str]]
    ) -> None:
        self._server = server
        self._bus = bus
        self._exchange = exchange
        self._listened = listened
        self._sessions = LegacySessions()
        self._watched = Watched()
        self._waiting: dict[ServerEvent, int | None] = {}
        self._relayed: ServerEvent | None = None
        self._relaying: asyncio.Task[None] | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        unsubscribe = self._bus.subscribe(self._published)
        try:
            with self._exchange.hear(self._server, self._heard, self._missed):
                yield
        finally:
            unsubscribe()
            if self._relaying is not None:
                self._relaying.cancel()

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        connection = connection_of(ctx)
        if ctx.method == "notifications/initialized":
            is_new = self._sessions.note(ctx) is not None
        else:
            is_new = connection.session_id is None and not isinstance(connection.outbound, Observed)
        if is_new:  # a session, or what is only there for this request
            connection.outbound = self._observed(connection)
        result = await call_next(ctx)
        self._watched.note(ctx)
        return result

    def observed(self, ctx: Context) -> Context:
        """Returns a request that came in at another endpoint, so that what it tells its client is heard."""
        connection = connection_of(ctx)
        copied = with_outbound(connection, self._observed(connection))
        return with_session(ctx, type(ctx.session), _connection=copied)

    def replaced(self, lists: Collection[ServerEvent]) -> None:
        """Tells that `lists` are others now, and that each watched resource may be: other code answers from now on.

        Other processes see that for themselves.
        """
        for event in (*lists, *self._resources()):
            self._wait(event)

    def _observed(self, connection: Connection) -> Observed:
        number = id(connection.state)

        def said(event: ServerEvent) -> None:
            if event in self._waiting or len(self._waiting) < MAX_WAITING:
                self._wait(event, number)
                self._exchange.tell(self._server, *notification(event))

        return Observed(connection.outbound, said)

    def tell(self, event: ServerEvent) -> None:
        """Tells everybody here who listens, soon. It concerns this process alone."""
        self._wait(event)

    def _published(self, event: ServerEvent) -> None:
        """Takes what the server's code, or `_relay`, has published."""
        if event is not self._relayed:
            self._tell_sessions(event)
            self._exchange.tell(self._server, *notification(event))

    def _heard(self, method: str, uri: str) -> None:
        if (event := event_from_wire(method, {"uri": uri})) is not None:
            self._wait(event)

    def _missed(self) -> None:
        """Tells of everything that somebody listens to: any of it may have changed."""
        for event in (*LISTS_CHANGED, *self._resources()):
            self._wait(event)

    def _resources(self) -> Collection[ServerEvent]:
        return [ResourceUpdated(uri) for uri in {*self._listened(), *self._watched.uris}]

    def _wait(self, event: ServerEvent, told: int | None = None) -> None:
        """Tells all but the session that was told last, soon: of equal events until then only one is told."""
        self._waiting[event] = told
        if self._relaying is None:
            self._relaying = asyncio.ensure_future(self._relay())

    async def _relay(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(WINDOW)
                waiting, self._waiting = self._waiting, {}
                for event, told in waiting.items():
                    self._tell_sessions(event, told)
                    self._relayed = replace(event)  # told from an equal one by its identity
                    await self._bus.publish(self._relayed)
        finally:
            self._relaying = None

    def _tell_sessions(self, event: ServerEvent, but: int | None = None) -> None:
        if isinstance(event, ResourceUpdated):
            self._watched.tell(event, but)
        else:
            self._sessions.tell(event, but)
