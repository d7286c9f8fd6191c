"""A log that a test reads."""

from __future__ import annotations

import logging
from io import StringIO

from gateway.telemetry import log

INJECTED = "first\n2026-01-01T00:00:00.000Z info    forged\r\u2028\x1b[31m\x00"


def uvicorn_error() -> logging.Logger:
    return logging.getLogger("uvicorn.error")


def configured(level: str = "info", form: str = "text") -> StringIO:
    stream = StringIO()
    log.configure(level, form, stream)
    return stream
