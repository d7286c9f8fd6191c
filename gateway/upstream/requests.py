"""The requests to an upstream server, each on the link at its place."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mcp_types import INVALID_PARAMS

from gateway.caller import caller
from gateway.errors import CallTimeout
from gateway.in_flight import InFlight
from gateway.upstream.calls.questions import pausing
from gateway.upstream.link import Link, LinkFailure, Origin, Params, Refusal, Report
from gateway.upstream.pool import OWN, Pool
from gateway.upstream.results import failed

logger = logging.getLogger(__name__)
FAILING = 3
"""Requests in a row without an answer, after which a server whose link is open is said to fail."""

LISTS = frozenset({"prompts/list", "resources/list", "resources/templates/list"})
"""Methods that the router's own link answers to all clients."""


class Requests:
    """Sends requests, each of which may take `timeout` seconds. `in_flight` counts them."""

    def __init__(self, server: str, pool: Pool, timeout: float | None) -> None:
        self.in_flight = InFlight()
        self._server = server
        self._pool = pool
        self._timeout = timeout
        self._failures = 0
        self._failure = ""

    @property
    def failure(self) -> str:
        """The reason why the last requests had no answer; empty if one of the last `FAILING` had one."""
        return self._failure if self._failures >= FAILING else ""

    async def is_modern(self, place: str | None = None) -> bool:
        """Returns True if the server of the link at `place`, by default the caller's own, asks by its results.

        Raises:
            Unavailable, ShareExceeded: it cannot be reached.
        """
        supervisor = self._pool.enter(self._pool.place(caller.get().key) if place is None else place)
        try:
            return (await supervisor.link()).identity.is_modern
        finally:
            supervisor.leave()

    async def request(
        self,
        method: str,
        params: Params,
        report: Report | None,
        *,
        session: str | None = None,
        place: str | None = None,
        origin: Origin,
    ) -> dict[str, Any]:
        """Sends one request of `origin` in `session` on the link at `place`; both are by default the caller's own.

        Raises:
            GatewayError, or Refusal if the server answers with an error.
        """
        session = caller.get().key if session is None else session
        place = self._pool.place(session) if place is None else place
        supervisor = self._pool.enter(OWN if method in LISTS else place)
        self.in_flight.count += 1
        try:
            link = await supervisor.link()
            if "requestState" in params and not link.identity.is_modern:  # no server of that era has given it
                raise Refusal(INVALID_PARAMS, "Invalid or expired requestState", {"reason": "invalid_request_state"})
            while True:
                try:
                    return await self._sent(link, method, params, report, session=session, origin=origin)
                except LinkFailure as exc:
                    if not exc.is_over:
                        self._failures, self._failure = self._failures + 1, str(exc)
                        logger.warning("%s failed: %s", method, exc, extra={"fields": {"server": self._server}})
                        raise failed(exc) from exc
                link = await supervisor.link(after=link)
        finally:
            self.in_flight.leave()
            supervisor.leave()

    async def _sent(
        self, link: Link, method: str, params: Params, report: Report | None, *, session: str, origin: Origin
    ) -> dict[str, Any]:
        """Raises LinkFailure, Refusal, or CallTimeout."""
        try:
            if self._timeout is None:
                answer = await link.request(method, params, report, session=session, origin=origin)
            else:
                async with asyncio.timeout(self._timeout) as limit:
                    own = pausing(origin, limit)
                    answer = await link.request(method, params, report, session=session, origin=own)
            self._failures = 0
        except Refusal:
            self._failures = 0
            raise
        except TimeoutError as exc:
            raise CallTimeout(self._timeout or 0) from exc
        return answer
