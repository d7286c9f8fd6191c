"""A server of the SDK that speaks the transport of 2024."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.gateway.upstream.http.conftest import sdk_server


@contextmanager
def sse_server(port: int = 0) -> Iterator[dict[str, Any]]:
    """Yields the entry of a new server process."""
    with sdk_server(port, "tests.gateway.upstream.sse.sdk_server") as url:
        yield {"type": "sse", "url": url.replace("/mcp", "/sse")}


@pytest.fixture(scope="session")
def far() -> Iterator[dict[str, Any]]:
    with sse_server() as entry:
        yield entry
