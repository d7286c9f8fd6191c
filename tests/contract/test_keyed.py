"""Every kind of tool, called with an idempotency key: a repeated answer equals that of a call without one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.local.discovery import discover, load
from tests.conftest import MakeApp
from tests.contract.test_cached import CASES, KEY, WAYS, Endpoints
from tests.contract.ways import SERVERS
from tests.transport import opened

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The logging capability is deprecated"),
]


@pytest.fixture
async def endpoints(make_app: MakeApp) -> AsyncIterator[Endpoints]:
    [(_, mcp)] = load(discover([SERVERS]))
    async with opened(make_app(mcp)) as http:
        yield Endpoints(http)


@pytest.mark.parametrize("part", range(4))
async def test_answer_is_repeated_over_every_interface(endpoints: Endpoints, part: int) -> None:
    for tool, arguments in CASES[part::4]:
        expected = {way: await endpoints(way, tool, arguments, {}) for way in WAYS}
        await endpoints.ran()
        for first in WAYS:
            key = {KEY: f"{tool}-{arguments}-{first}".replace(" ", "").encode("ascii", "replace").decode()[:255]}
            ways = {first: await endpoints(first, tool, arguments, key)}
            ways |= {way: await endpoints(way, tool, arguments, key) for way in WAYS}
            assert (tool, first, ways) == (tool, first, expected)
        assert await endpoints.ran() == [tool] * len(WAYS)
