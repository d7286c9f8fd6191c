"""Reads the parent span of a request from `traceparent` and `tracestate`, or as `OTEL_PROPAGATORS` says."""

from __future__ import annotations

from collections.abc import Awaitable

from opentelemetry.context import Context, attach
from opentelemetry.propagate import extract
from opentelemetry.trace import get_current_span
from starlette.types import ASGIApp, Receive, Scope, Send


class TraceParent:
    """Makes the caller's span the parent of the spans of this request, unless an outer instrumentation has done so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan" and not get_current_span().is_recording():
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            attach(extract(headers, context=Context()))  # never detached: each request has its own context
        return self.app(scope, receive, send)
