"""A result cached through one endpoint is a hit through each of the others."""

from __future__ import annotations

import pytest

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.cache.cached import Counting
from tests.matrix.target import Target
from tests.matrix.ways import WAYS
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


@pytest.mark.parametrize("first", WAYS)
async def test_one_entry_serves_all_endpoints(make_app: MakeApp, first: str) -> None:
    counting = Counting()
    app = make_app(counting.server, graphql=GRAPHQL)
    async with opened(app) as http:
        target = Target(app, http)
        assert (await WAYS[first](target, "add", {"a": 1, "b": 2}, {})).value == 3
        for ask in WAYS.values():
            assert (await ask(target, "add", {"b": 2, "a": 1}, {})).value == 3
    assert counting.ran["add"] == 1
