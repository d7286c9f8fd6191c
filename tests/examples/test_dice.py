"""The dice example caches the tools that are marked for it."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app import create_app
from settings.values import Settings
from tests.clients import post
from tests.transport import opened

pytestmark = pytest.mark.anyio
EXAMPLE = Path(__file__).parents[2] / "examples" / "dice"
SIDES = {"sides": 10**30}


async def rolled(http: httpx2.AsyncClient, tool: str) -> set[int]:
    return {(await post(http, tool, SIDES, "dice")).json()["result"] for _ in range(3)}


async def test_cached_tools_roll_once() -> None:
    async with opened(create_app(Settings(servers_dir=(str(EXAMPLE),)))) as http:
        assert len(await rolled(http, "roll")) == 1
        assert len(await rolled(http, "roll_mine")) == 1
        assert len(await rolled(http, "roll_uncached")) == 3
