"""The OpenTelemetry span of the message that is being answered."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

span: ContextVar[Any] = ContextVar("span", default=None)
"""An `opentelemetry.trace.Span`, whoever began it; None if there is none."""
