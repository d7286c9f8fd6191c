"""The link to one instance, which can be given up while its last requests go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.in_flight import InFlight
from gateway.upstream.link import NOBODY, Identity, Link, Origin, Params, Report


class Lease:
    """A link. `in_flight` are the requests of clients on it; `closed` is called when it is closed."""

    def __init__(self, link: Link, closed: Callable[[Lease], None]) -> None:
        self.link = link
        self.in_flight = InFlight()
        self._closed = closed
        self._given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def identity(self) -> Identity:
        return self.link.identity

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        return await self.link.request(method, params, report, session=session, origin=origin)

    def leave(self, session: str) -> None:
        self.link.leave(session)

    def give_up(self, reason: str) -> None:
        """Makes it end, which opens a new one."""
        if not self._given_up.done():
            self._given_up.set_result(reason)

    async def ended(self) -> str:
        ended = asyncio.ensure_future(self.link.ended())
        try:
            await asyncio.wait((ended, self._given_up), return_when=asyncio.FIRST_COMPLETED)
            return self._given_up.result() if self._given_up.done() else ended.result()
        finally:
            ended.cancel()

    async def close(self) -> None:
        """Closes the link in the background, after its requests in flight."""
        self._closed(self)
