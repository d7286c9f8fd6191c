"""The wishes of sessions that the code of a server keeps: other code is told of them when it takes its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext

from gateway.caller import caller
from gateway.local.server import LocalServer
from gateway.sdk.changes.watched import MAX_OF_SESSION
from gateway.sdk.internals import connection_of

logger = logging.getLogger(__name__)
Context = ServerRequestContext[Any, Any]
Wish = Callable[[LocalServer], Coroutine[Any, Any, None]]
LEVEL, SUBSCRIBE, UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"
METHODS = frozenset({LEVEL, SUBSCRIBE, UNSUBSCRIBE})
SECONDS = 5.0
"""The time that new code has for the wishes of all sessions."""


class Wishes:
    """The last log level of each session, and the resources that it watches, until the session closes."""

    def __init__(self) -> None:
        self._sessions: dict[int, dict[str, Wish]] = {}

    def note(self, ctx: Context) -> None:
        """Takes a request that the server has answered."""
        connection = connection_of(ctx)
        if ctx.method not in METHODS or connection.session_id is None:
            return
        number = id(connection.state)
        if number not in self._sessions:
            self._sessions[number] = {}
            connection.exit_stack.callback(self._sessions.pop, number, None)
        wishes = self._sessions[number]
        wish = "" if ctx.method == LEVEL else str((ctx.params or {}).get("uri"))
        if ctx.method == UNSUBSCRIBE:
            wishes.pop(wish, None)
        elif wish in wishes or len(wishes) <= MAX_OF_SESSION:
            wishes[wish] = _again(ctx)

    async def repeat(self, server: LocalServer) -> None:
        """Tells a server what the one before was told. Its code may refuse, or take too long."""
        told: set[Wish] = set()
        with anyio.move_on_after(SECONDS) as scope:
            while untold := [wish for wish in self._all() if wish not in told]:  # some may come meanwhile
                for wish in untold:
                    await asyncio.create_task(wish(server))  # for another caller than the one before
                told.update(untold)
        if scope.cancelled_caught:
            logger.error("the wishes of sessions took too long", extra={"fields": {"server": server.name}})

    def _all(self) -> Iterable[Wish]:
        return [wish for own in self._sessions.values() for wish in own.values()]


def _again(ctx: Context) -> Wish:
    """Returns what hands the same request to the handler of another server, for the same caller."""
    who = caller.get()

    async def tell(server: LocalServer) -> None:
        entry = server.low_level.get_request_handler(ctx.method)
        if entry is None:
            return
        caller.set(who)
        own = replace(ctx, lifespan_context=server.lifespan_state)
        try:
            await entry.handler(own, entry.params_type.model_validate(ctx.params or {}, by_name=False))
        except Exception as exc:  # the boundary of the author's code
            fields = {"server": server.name, "method": ctx.method}
            logger.error("a wish of a session was not taken over", exc_info=exc, extra={"fields": fields})

    return tell
