"""What was brought by one way in is there for each of the others."""

from __future__ import annotations

import pytest

from tests.conftest import MakeApp
from tests.gateway.cache.cached import Counting
from tests.matrix.ways import WAYS, Door
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("first", WAYS)
async def test_what_one_way_in_brought_is_there_for_each_other(make_app: MakeApp, first: str) -> None:
    counting = Counting()
    app = make_app(counting.server)
    async with opened(app) as http:
        door = Door(app, http)
        assert (await WAYS[first](door, "add", {"a": 1}, {})).value == 3
        for ask in WAYS.values():
            assert (await ask(door, "add", {"b": "2", "a": 1}, {})).value == 3
    assert counting.ran["add"] == 1
