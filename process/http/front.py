"""Makes the HTTP protocol of each connection. All of one process share its bounds."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from gateway.telemetry.throttle import Throttle
from process.descriptors import connections_within
from process.http.connections import Connections
from process.http.limits import FrontLimits
from process.http.protocol import HTTPProtocol
from settings.values import Settings

logger = logging.getLogger(__name__)

LOGGED_REFUSALS = 20
"""Lines in a second."""

ACCEPTED_AT_ONCE = 64
"""Connections that the loop accepts in one turn; with no descriptor left, asyncio tries as often in each second."""


class Front:
    """uvicorn calls it as the class of its protocol. A worker gets a copy that was never called."""

    def __init__(self, limits: FrontLimits) -> None:
        self._limits = limits
        self._connections: Connections | None = None
        self._log = Throttle(logger, "refused", LOGGED_REFUSALS)

    def __call__(self, **keywords: Any) -> HTTPProtocol:
        if self._connections is None:
            count = connections_within(self._limits.max_connections)
            self._connections = Connections(replace(self._limits, max_connections=count))
        return HTTPProtocol(self._connections, self._refused, **keywords)

    def _refused(self, slug: str, address: str, reason: str) -> None:
        self._log({"reason": slug, "address": address, "detail": reason})


def http_options(settings: Settings) -> dict[str, Any]:
    """Returns uvicorn's options."""
    limits = FrontLimits(
        head_timeout=settings.head_timeout,
        body_timeout=settings.body_timeout,
        keep_alive=settings.keep_alive,
        write_timeout=settings.write_timeout,
        max_connections=settings.max_connections,
        max_connections_per_address=settings.max_connections_per_address,
        max_body=settings.max_body,
        max_body_total=settings.max_body_total,
        trusted=settings.trusted_proxies,
    )
    return {"http": Front(limits), "backlog": ACCEPTED_AT_ONCE}
