"""Opens a link to an entry of the transport of 2024, or to one that may turn out to be of it."""

from __future__ import annotations

import asyncio

from gateway.cancellation import to_its_end
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.failures import StatusFailure
from gateway.upstream.http.opening import HttpOpening
from gateway.upstream.link import Heard, Link, LinkFailure
from gateway.upstream.sse.link import SseLink

FALLBACK = 5.0
"""Seconds for the session at a server that has refused Streamable HTTP."""

_OF_2024 = frozenset({400, 404, 405})
"""Statuses with which a server of 2024 may answer a POST to the URL of its stream."""


class SseOpening:
    """Opens links to one entry."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure."""
        link = SseLink(self._clients.make(), heard, self._clients.entry.start_timeout)
        try:
            await link.start()
        except BaseException:  # whatever it is, the link is not used
            await to_its_end(link.close())
            raise
        return link

    def close(self) -> None:
        self._clients.close()


class EitherOpening:
    """Opens links to an entry of Streamable HTTP, and of the transport of 2024 if the server refuses that."""

    def __init__(self, clients: Clients) -> None:
        self._http = HttpOpening(clients)
        self._sse = SseOpening(clients)
        self._may_be_of_2024 = clients.entry.era != "modern"

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure: that of Streamable HTTP, if neither is spoken."""
        try:
            return await self._http(heard)
        except StatusFailure as exc:
            if exc.status not in _OF_2024 or not self._may_be_of_2024:
                raise
            try:
                async with asyncio.timeout(FALLBACK):
                    return await self._sse(heard)
            except (LinkFailure, TimeoutError):
                raise exc from None

    def close(self) -> None:
        self._http.close()  # and with it the clients of both
