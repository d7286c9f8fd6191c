"""Whose part a request is: `traceparent` and `tracestate` (W3C), or what else `OTEL_PROPAGATORS` names."""

from __future__ import annotations

from collections.abc import Awaitable

from opentelemetry.context import Context, attach
from opentelemetry.propagate import extract
from opentelemetry.trace import get_current_span
from starlette.types import ASGIApp, Receive, Scope, Send


class TraceParent:
    """Makes the caller's span the parent of those to come, unless something in front of us has made one already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan" and not get_current_span().is_recording():
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            attach(extract(headers, context=Context()))  # for good: the context is the request's own
        return self.app(scope, receive, send)
