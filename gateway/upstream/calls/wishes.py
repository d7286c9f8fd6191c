"""The wishes of sessions that an upstream is told once for all: the level of its log, and the resources to watch."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import EmptyResult

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, Unavailable
from gateway.sdk.internals import connection_of
from gateway.sdk.native import protocol_error
from gateway.upstream.calls.listening import Listening
from gateway.upstream.calls.log_levels import LogLevels
from gateway.upstream.calls.origins import native_origin
from gateway.upstream.calls.places import place_of
from gateway.upstream.current import Current
from gateway.upstream.link import NOBODY, Link, Params, Refusal
from gateway.upstream.pool import OWN

logger = logging.getLogger(__name__)
Context = ServerRequestContext[Any, Any]
MAX_RESOURCES = 1000
"""Watched resources of one upstream."""

MAX_OF_SESSION = 100
PATIENCE = 5.0
"""Seconds for each wish."""

SET_LEVEL, SUBSCRIBE, UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"


class Wishes:
    """The wishes of sessions at one upstream, each for the link at the place of its client."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._levels = LogLevels()
        self._listening = Listening()
        self._watching: dict[tuple[str, str], dict[int, Connection]] = {}
        self._of_session: dict[int, set[tuple[str, str]]] = {}
        self._callers: dict[int, Caller] = {}
        self.handlers = {SET_LEVEL: self.set_level, SUBSCRIBE: self.subscribe, UNSUBSCRIBE: self.unsubscribe}

    async def set_level(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `logging/setLevel`. The client's own messages are chosen here; the upstream need not obey."""
        connection = connection_of(ctx)
        place = place_of(self._current, self._current.backend, connection)
        self._levels.set(connection, place, params.level)
        lowest, links = self._levels.lowest(place), self._current.backend.links(place)
        if lowest is not None and any(not link.identity.is_modern for link in links):  # a later link is told then
            with suppress(GatewayError, Refusal, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    own = replace(native_origin(ctx, None), ask=None)
                    session = connection.session_id or ""
                    level = {"level": lowest}
                    await self._current.backend.request(
                        SET_LEVEL, level, None, session=session, place=place, origin=own
                    )
        return EmptyResult()

    async def subscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/subscribe`: the first of all sessions subscribes at the upstream."""
        connection = connection_of(ctx)
        watched = place_of(self._current, self._current.backend, connection), str(params.uri)
        number = id(connection.state)  # of the session, also if this request has a copy of its connection
        own = self._of_session.get(number, set())
        is_first = watched not in self._watching
        if (len(own) >= MAX_OF_SESSION and watched not in own) or (is_first and len(self._watching) >= MAX_RESOURCES):
            raise protocol_error(Unavailable("Too many watched resources."))
        if number not in self._of_session:
            self._of_session[number], self._callers[number] = own, caller.get()
            connection.exit_stack.push_async_callback(self._leave_all, number)
        own.add(watched)
        self._watching.setdefault(watched, {})[number] = connection
        if is_first:
            try:
                await self._told(SUBSCRIBE, watched)
            except BaseException:  # whatever it is, nobody watches
                self._watching.pop(watched, None)
                own.discard(watched)
                raise
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/unsubscribe`: the last of all sessions unsubscribes at the upstream."""
        connection = connection_of(ctx)
        place = place_of(self._current, self._current.backend, connection)
        await self._leave((place, str(params.uri)), id(connection.state))
        return EmptyResult()

    async def updated(self, uri: Any, place: str) -> None:
        """Tells the sessions that watch a resource of the link at `place` that it has changed."""
        watching = self._watching.get((place, uri), {}) if isinstance(uri, str) else {}
        for connection in [*watching.values()]:
            await connection.send_resource_updated(uri)

    async def repeat(self, link: Link, place: str) -> list[str]:
        """Tells a new link at `place` what was told to the one before. Returns the resources.

        They may have changed meanwhile.
        """
        watched = [uri for there, uri in self._watching if there == place]
        if link.identity.is_modern:
            self._listening.watch(link, watched)
            return watched
        if (lowest := self._levels.lowest(place)) is not None:
            await _best(link, SET_LEVEL, {"level": lowest})
        for uri in watched:
            await _best(link, SUBSCRIBE, {"uri": uri})
        return watched

    async def move(self) -> None:
        """Takes what is watched to the links of the same clients at a backend that has replaced another.

        The task in which it runs must be its own.
        """
        watching: dict[tuple[str, str], dict[int, Connection]] = {}
        places: dict[str, Caller] = {}
        for (_, uri), connections in self._watching.items():
            for number, connection in connections.items():
                caller.set(who := self._callers[number])
                place = place_of(self._current, self._current.backend, connection)
                watching.setdefault((place, uri), {})[number] = connection
                places[place] = who
        self._watching = watching
        for number, own in self._of_session.items():
            own.clear()
            own.update(watched for watched, connections in watching.items() if number in connections)
        places.pop(OWN, None)
        await asyncio.gather(*(self._open(place, who) for place, who in places.items()))

    async def _leave_all(self, number: int) -> None:
        for watched in [*self._of_session.get(number, ())]:
            await self._leave(watched, number)
        self._of_session.pop(number, None)
        self._callers.pop(number, None)

    async def _open(self, place: str, who: Caller) -> None:
        """Opens the link of a client, which hears its wishes then."""
        caller.set(who)
        with suppress(GatewayError):
            await self._current.backend.is_modern(place)

    async def _leave(self, watched: tuple[str, str], number: int) -> None:
        self._of_session.get(number, set()).discard(watched)
        watching = self._watching.get(watched, {})
        if watching.pop(number, None) is not None and not watching:
            self._watching.pop(watched, None)
            if self._current.backend.links(watched[0]):
                with suppress(MCPError):
                    await self._told(UNSUBSCRIBE, watched)

    async def _told(self, method: str, watched: tuple[str, str]) -> None:
        """Raises MCPError."""
        place, uri = watched
        try:
            async with asyncio.timeout(PATIENCE):
                if await self._current.backend.is_modern(place):
                    for link in self._current.backend.links(place):
                        self._listening.watch(link, [uri for there, uri in self._watching if there == place])
                    return
                await self._current.backend.request(method, {"uri": uri}, None, session="", place=place, origin=NOBODY)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        except Refusal as exc:
            raise MCPError(exc.code, exc.message, exc.data) from exc
        except TimeoutError as exc:
            raise protocol_error(Unavailable("The server does not answer.")) from exc


async def _best(link: Link, method: str, params: Params) -> None:
    """Sends a request that the upstream may refuse. Raises LinkFailure."""
    try:
        async with asyncio.timeout(PATIENCE):
            await link.request(method, params)
    except (Refusal, TimeoutError) as exc:
        logger.debug("%s was not taken: %s", method, exc)
