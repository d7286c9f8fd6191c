"""The requests to an upstream server, each on the link at its place."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from mcp_types import INVALID_PARAMS

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

    async def is_modern(self, place: str) -> bool:
        """Returns True if the server of the link at `place` asks by its results.

        Raises:
            Unavailable, ShareExceeded: it cannot be reached.
        """
        supervisor = self._pool.enter(place)
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
        session: str,
        place: str,
        origin: Origin,
    ) -> dict[str, Any]:
        """Sends one request of `origin` in `session` on the link at `place`.

        Raises:
            GatewayError, or Refusal if the server answers with an error.
        """
        supervisor = self._pool.enter(OWN if method in LISTS else place)
        self.in_flight.count += 1
        try:
            link = await supervisor.link()
            if "requestState" in params and not link.identity.is_modern:  # no server of that era has given it
                raise Refusal(INVALID_PARAMS, "Invalid or expired requestState", {"reason": "invalid_request_state"})
            while True:
                send = link.request if self._timeout is None else partial(self._bounded, link)
                try:
                    answer = await send(method, params, report, session=session, origin=origin)
                    self._failures = 0
                    return answer
                except Refusal:
                    self._failures = 0
                    raise
                except LinkFailure as exc:
                    if not exc.is_over:
                        self._failures, self._failure = self._failures + 1, str(exc)
                        logger.warning("%s failed: %s", method, exc, extra={"fields": {"server": self._server}})
                        raise failed(exc) from exc
                link = await supervisor.link(after=link)
        finally:
            self.in_flight.leave()
            supervisor.leave()

    async def _bounded(
        self, link: Link, method: str, params: Params, report: Report | None, *, session: str, origin: Origin
    ) -> dict[str, Any]:
        """Raises LinkFailure, Refusal, or CallTimeout."""
        try:
            async with asyncio.timeout(self._timeout) as limit:
                own = pausing(origin, limit)
                return await link.request(method, params, report, session=session, origin=own)
        except TimeoutError as exc:
            raise CallTimeout(self._timeout or 0) from exc
