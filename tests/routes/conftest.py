"""One application for all tests of a module that need no other settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from app import create_app
from settings.values import Settings
from tests.shipped import shipped
from tests.transport import opened

SERVERS = (shipped(), str(Path(__file__).parent / "servers"))


@pytest.fixture(scope="module")
async def client(anyio_backend: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Yields a client of the servers echo, math and moody."""
    async with opened(create_app(Settings(servers_dir=SERVERS, max_body=10_000))) as client:
        yield client
