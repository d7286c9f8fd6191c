"""The list of tools of an upstream server, compared with the approved ones if its entry says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.errors import Unapproved, Unavailable
from gateway.naming import cut
from gateway.upstream.config import Upstream
from gateway.upstream.pins.checks import MAX_NAMED, Checks
from gateway.upstream.tools import Tools


class Listing:
    """`changed` is awaited after each change of `tools`."""

    def __init__(self, entry: Upstream, pins: Checks | None, changed: Callable[[], Awaitable[None]]) -> None:
        self.tools = Tools(entry)
        self._pins = pins
        self._changed = changed
        self._found: Sequence[Mapping[str, Any]] | None = None
        self._taking = asyncio.Lock()

    async def take(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Serves the tools that the server has listed. Of several lists at the same time the last one stays."""
        if self._pins is None:
            is_changed = self.tools.replace(found)
        else:
            self._found = found
            async with self._taking:
                found = self._found
                is_changed = self.tools.replace(found, await self._pins.unapproved(found))
        if is_changed:
            await self._changed()

    async def follow(self) -> None:
        """Compares the tools again whenever somebody has approved some. Returns at once without pins."""
        while self._pins is not None:
            await self._pins.news()
            if self._found is not None:
                await self.take(self._found)

    def refuse_unapproved(self, name: str) -> None:
        """Raises Unapproved for a tool that waits to be approved, Unavailable if that cannot be found out."""
        if self._pins is not None and self.tools.is_unapproved(name):
            if self._pins.fault:
                raise Unavailable("The tools of this server cannot be compared with the approved ones.")
            raise Unapproved

    def reported(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the status of the server with that of its pins."""
        pins, more = self._pins, dict[str, Any]()
        if pins is not None and pins.fault:
            more = {"reason": pins.fault, "status": "failing" if pins.blocks else status["status"]}
        elif pins is not None and pins.changed:
            more = {"changed": [cut(name) for name in pins.changed[:MAX_NAMED]]}
        return {**status, **more}
