from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.ways import Ways, opened_ways


@pytest.fixture(scope="module")
async def ways(anyio_backend: str) -> AsyncIterator[Ways]:
    async with opened_ways() as ways:
        yield ways
