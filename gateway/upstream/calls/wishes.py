"""The wishes of sessions that an upstream is told once for all: the level of its log, and the resources to watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import EmptyResult

from gateway.errors import GatewayError, Unavailable
from gateway.sdk.internals import connection_of
from gateway.sdk.native import protocol_error
from gateway.upstream.calls.log_levels import LogLevels
from gateway.upstream.calls.origins import native_origin
from gateway.upstream.link import NOBODY, Link, Origin, Params, Refusal

logger = logging.getLogger(__name__)
Context = ServerRequestContext[Any, Any]
MAX_RESOURCES = 1000
"""Watched resources of one upstream."""

MAX_OF_SESSION = 100
PATIENCE = 5.0
"""Seconds for each wish."""

SET_LEVEL, SUBSCRIBE, UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"
UPDATED = "notifications/resources/updated"
_KEY = "watched resources"


class Wishes:
    """`send` sends a request of an origin to the upstream, in a session there; that of the link itself is ""."""

    def __init__(self, send: Callable[[str, Params, str, Origin], Awaitable[Any]]) -> None:
        self._send = send
        self._levels = LogLevels()
        self._watching: dict[str, dict[int, Connection]] = {}
        self.handlers = {SET_LEVEL: self.set_level, SUBSCRIBE: self.subscribe, UNSUBSCRIBE: self.unsubscribe}

    async def set_level(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `logging/setLevel`. The client's own messages are chosen here; the upstream need not obey."""
        connection = connection_of(ctx)
        self._levels.set(connection, params.level)
        if (lowest := self._levels.lowest) is not None:
            with suppress(GatewayError, Refusal, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    own = replace(native_origin(ctx, None), ask=None)
                    await self._send(SET_LEVEL, {"level": lowest}, connection.session_id or "", own)
        return EmptyResult()

    async def subscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/subscribe`: the first of all sessions subscribes at the upstream."""
        connection, uri = connection_of(ctx), str(params.uri)
        number = id(connection.state)  # of the session, also if this request has a copy of its connection
        own = connection.state.setdefault(_KEY, set())
        is_first = uri not in self._watching
        if (len(own) >= MAX_OF_SESSION and uri not in own) or (is_first and len(self._watching) >= MAX_RESOURCES):
            raise protocol_error(Unavailable("Too many watched resources."))
        if not own:
            connection.exit_stack.push_async_callback(self._leave_all, connection)
        own.add(uri)
        self._watching.setdefault(uri, {})[number] = connection
        if is_first:
            try:
                await self._told(SUBSCRIBE, uri)
            except BaseException:  # whatever it is, nobody watches
                self._watching.pop(uri, None)
                own.discard(uri)
                raise
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: Any) -> EmptyResult:
        """Handles `resources/unsubscribe`: the last of all sessions unsubscribes at the upstream."""
        await self._leave(str(params.uri), connection_of(ctx))
        return EmptyResult()

    async def updated(self, uri: Any) -> None:
        """Tells the sessions that watch a resource that it has changed."""
        watching = self._watching.get(uri, {}) if isinstance(uri, str) else {}
        for connection in [*watching.values()]:
            await connection.send_resource_updated(uri)

    async def repeat(self, link: Link) -> list[str]:
        """Tells a new link what was told to the one before. Returns the resources, which may have changed meanwhile."""
        if link.identity.is_modern:
            return []
        if (lowest := self._levels.lowest) is not None:
            await _best(link, SET_LEVEL, {"level": lowest})
        for uri in [*self._watching]:
            await _best(link, SUBSCRIBE, {"uri": uri})
        return [*self._watching]

    async def _leave_all(self, connection: Connection) -> None:
        for uri in [*connection.state.get(_KEY, ())]:
            await self._leave(uri, connection)

    async def _leave(self, uri: str, connection: Connection) -> None:
        connection.state.get(_KEY, set()).discard(uri)
        watching = self._watching.get(uri, {})
        if watching.pop(id(connection.state), None) is not None and not watching:
            self._watching.pop(uri, None)
            with suppress(MCPError):
                await self._told(UNSUBSCRIBE, uri)

    async def _told(self, method: str, uri: str) -> None:
        """Raises MCPError."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send(method, {"uri": uri}, "", NOBODY)
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
