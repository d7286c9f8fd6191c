"""The wishes that a session was told, which are told again to the one that replaces it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.upstream.link import Heard, LinkFailure, Params, Refusal
from gateway.upstream.telling import UPDATED

SET_LEVEL, SUBSCRIBE, UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"
KEPT = frozenset({SET_LEVEL, SUBSCRIBE, UNSUBSCRIBE})
PATIENCE = 5.0
"""Seconds in which a new session is told all wishes of the one before."""

Send = Callable[[str, Params], Awaitable[None]]
"""Sends a request in the new session."""


class Kept:
    """The log level and the watched resources of one session. Those who ask for them bound their number."""

    __slots__ = ("_level", "_watched")

    def __init__(self) -> None:
        self._level: Params | None = None
        self._watched: dict[str, Params] = {}

    def note(self, method: str, params: Params) -> None:
        """Notes a request of `KEPT` that the server has taken."""
        if method == SET_LEVEL:
            self._level = params
        elif method == SUBSCRIBE:
            self._watched[str(params.get("uri"))] = params
        else:
            self._watched.pop(str(params.get("uri")), None)

    async def repeat(self, send: Send, heard: Heard) -> None:
        """Tells a new session all of it again, and `heard` that what is watched may have changed meanwhile."""
        level = [] if self._level is None else [(SET_LEVEL, self._level)]
        with suppress(LinkFailure, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for method, params in [*level, *((SUBSCRIBE, params) for params in self._watched.values())]:
                    with suppress(Refusal):
                        await send(method, params)
        for uri in self._watched:
            heard(UPDATED, {"uri": uri})
