from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.ways import Ways, ways_in


@pytest.fixture(scope="module")
async def ways(anyio_backend: str) -> AsyncIterator[Ways]:
    async with ways_in() as ways:
        yield ways
