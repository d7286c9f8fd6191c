"""One key and all the sessions that a router has by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.live.connections.test_fair_share import opens_its_share

pytestmark = [pytest.mark.soak, pytest.mark.anyio]


async def test_one_key_opens_at_most_its_share_of_ten_thousand_sessions(tmp_path: Path) -> None:
    await opens_its_share(tmp_path, limit=10_000)
