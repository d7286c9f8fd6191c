"""The calls in flight of one session, for questions on its own stream, which name no request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcp_types import METHOD_NOT_FOUND

from gateway.upstream.link import Ask, Origin, Params, Refusal


class Callers:
    """Asks the client of a session that is one client's alone, or of the only call of any other session."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[Origin, Ask, Callable[[], None]]] = {}
        self._asking: dict[int, set[asyncio.Future[dict[str, Any]]]] = {}

    def enter(self, number: int, origin: Origin, asked: Callable[[], None]) -> None:
        """Notes a call. `asked` is called with each question for its client."""
        if origin.ask is not None:
            self._calls[number] = (origin, origin.ask, asked)

    def leave(self, number: int) -> None:
        """Notes that a call is over, and takes back what its client is asked."""
        self._calls.pop(number, None)
        for asking in self._asking.pop(number, ()):
            asking.cancel()

    async def ask(self, method: str, params: Params) -> dict[str, Any]:
        """Raises Refusal."""
        number = next(reversed(self._calls), None)
        if number is None or (len(self._calls) > 1 and not self._calls[number][0].has_session):
            raise Refusal(METHOD_NOT_FOUND, "Method not found")
        _, ask, asked = self._calls[number]
        asked()
        asking = asyncio.ensure_future(ask(method, params))
        of_call = self._asking.setdefault(number, set())
        of_call.add(asking)
        asking.add_done_callback(of_call.discard)
        try:
            return await asking
        finally:
            asking.cancel()
