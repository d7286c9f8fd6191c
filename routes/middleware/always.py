"""The middleware that is always on, and stands in front of what features add."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware

from gateway.telemetry.refusals import Refusals
from routes.middleware.cors import CORS
from routes.middleware.drain import Drain
from routes.middleware.guard import Guard
from routes.middleware.probes import Probes, Readiness
from routes.middleware.request_id import RequestId


def in_front(
    ready: Readiness, allowed_hosts: Sequence[str], allowed_origins: Sequence[str], refusals: Refusals
) -> list[Middleware]:
    """Returns it, the outermost first. `Guard` says what the hosts and origins are."""
    return [
        Middleware(RequestId),
        Middleware(Drain, ready),
        Middleware(Probes, ready),
        Middleware(Guard, allowed_hosts, allowed_origins, refusals),
        Middleware(CORS),
    ]
