"""Restores the log that a test configures."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gateway.call import request_id
from tests.gateway.telemetry.logged import uvicorn_error


@pytest.fixture
def restored_log() -> Iterator[None]:
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("mcp", "sse_starlette", "uvicorn", "httpx2", "httpcore2"))]
    levels, handlers, filters = [logger.level for logger in loggers], [*root.handlers], uvicorn_error().filters[:]
    token = request_id.set("-")
    yield
    request_id.reset(token)
    root.handlers[:], uvicorn_error().filters[:] = handlers, filters
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
