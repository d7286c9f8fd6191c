"""The cache directives of a request reach its own call through every endpoint."""

from __future__ import annotations

import pytest

from gateway.cache.request import CacheInfo, cache_info
from tests.conftest import MakeApp
from tests.gateway.cache.cached import Counting
from tests.matrix.target import Target
from tests.matrix.ways import NATIVE, PLAIN
from tests.transport import opened

pytestmark = pytest.mark.anyio
WAYS = {**PLAIN, **NATIVE}


def test_call_without_a_request_has_no_directives() -> None:
    assert cache_info.get() is None


def test_changes_to_one_request_do_not_reach_another() -> None:
    one = CacheInfo()
    one.refresh, one.status = True, "hit"
    other = CacheInfo()
    assert (other.refresh, other.no_store, other.status, other.age) == (False, False, None, None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
async def test_directives_are_followed_by_every_endpoint(make_app: MakeApp, way: str) -> None:
    app = make_app(Counting().server)
    async with opened(app) as http:
        values = [
            (await WAYS[way](Target(app, http), "mine", {}, headers)).value
            for headers in ({}, {"cache-control": "no-cache"}, {}, {"cache-control": "no-store"}, {})
        ]
    assert values == [1, 2, 2, 3, 2]
