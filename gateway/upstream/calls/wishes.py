"""The wishes of clients that an upstream is told once for all: the level of its log, and the resources to watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import EmptyResult

from gateway.caller import caller
from gateway.errors import GatewayError
from gateway.sdk.changes.notifier import Notifier
from gateway.sdk.internals import connection_of
from gateway.upstream.calls.log_levels import LogLevels
from gateway.upstream.calls.origins import native_origin
from gateway.upstream.calls.places import place_of
from gateway.upstream.calls.subscriptions import PATIENCE
from gateway.upstream.calls.watched import Client
from gateway.upstream.calls.watches import Missed, Watches
from gateway.upstream.current import Current
from gateway.upstream.front import Front
from gateway.upstream.link import Link, Refusal
from gateway.upstream.pool import OWN

logger = logging.getLogger(__name__)
Context = ServerRequestContext[Any, Any]
SET_LEVEL, SUBSCRIBE, UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"


class Wishes:
    """The wishes of clients at one upstream, each for the links at the place of its client.

    `share` of the watched resources may be one caller's. `missed` is called with those that may have changed unheard.
    """

    def __init__(self, current: Current, front: Front, share: float, missed: Missed) -> None:
        self._current = current
        self._front = front
        self._levels = LogLevels()
        self._watches = Watches(current, share, missed)
        self._sessions: dict[int, Client] = {}
        self.updated, self.move = self._watches.updated, self._watches.move
        self.handlers = {SET_LEVEL: self.set_level, SUBSCRIBE: self.subscribe, UNSUBSCRIBE: self.unsubscribe}

    async def set_level(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `logging/setLevel`. The client's own messages are chosen here; the upstream need not obey."""
        connection, backend = connection_of(ctx), self._current.backend
        place = place_of(self._current, backend, connection)
        self._levels.set(connection, place, params.level)
        lowest, links = self._levels.lowest(place), backend.links(place)
        if lowest is not None and any(not link.identity.is_modern for link in links):  # a later link is told then
            with suppress(GatewayError, Refusal, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    own = native_origin(ctx, None)._replace(ask=None)
                    session = connection.session_id or ""
                    level = {"level": lowest}
                    await backend.request(SET_LEVEL, level, None, session=session, place=place, origin=own)
        return EmptyResult()

    async def subscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/subscribe` of a session."""
        connection, uri = connection_of(ctx), str(params.uri)
        number = id(connection.state)  # of the session, also if this request has a copy of its connection
        if number not in self._sessions:
            notifier = Notifier(connection)
            tell = lambda uri, place: notifier.tell(ResourceUpdated(uri))  # noqa: E731
            self._sessions[number] = Client(connection, caller.get(), tell)
            connection.exit_stack.callback(self._leave, number)
        refused = await self._watches.join(self._sessions[number], [uri])
        if uri in refused:
            raise refused[uri]
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/unsubscribe` of a session."""
        session = self._sessions.get(id(connection_of(ctx).state))
        if session is not None:
            await self._watches.leave(session, str(params.uri))
        return EmptyResult()

    @asynccontextmanager
    async def watching(
        self, ctx: Context, uris: Collection[str], listener: Callable[[ServerEvent], None]
    ) -> AsyncIterator[Collection[str]]:
        """Watches resources for a stream, if the upstream promises to tell of their changes.

        `listener` is called with those at another link than the router's own. Raises MCPError.
        """
        if self._front.get_request_handler(SUBSCRIBE) is None:
            yield uris
            return

        def tell(uri: str, place: str) -> None:
            if place != OWN:
                listener(ResourceUpdated(uri))

        stream = Client(connection_of(ctx), caller.get(), tell)
        try:
            refused = await self._watches.join(stream, uris)
            yield [uri for uri in uris if uri not in refused]
        finally:
            self._watches.leave_all(stream)

    def watched(self) -> Collection[str]:
        """Returns the resources that are watched at the router's own link."""
        return self._watches.at(OWN)

    async def repeat(self, link: Link, place: str) -> Collection[str]:
        """Tells a new link at `place` what was told to the one before. Returns the watched resources.

        They may have changed meanwhile. Raises LinkFailure.
        """
        if not link.identity.is_modern and (lowest := self._levels.lowest(place)) is not None:
            try:
                async with asyncio.timeout(PATIENCE):
                    await link.request(SET_LEVEL, {"level": lowest})
            except (Refusal, TimeoutError) as exc:
                logger.debug("the log level was not taken: %s", exc)
        return await self._watches.repeat(link, place)

    def _leave(self, number: int) -> None:
        if (session := self._sessions.pop(number, None)) is not None:
            self._watches.leave_all(session)
