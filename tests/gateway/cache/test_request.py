"""The note of a request reaches its call by every way in, and no other call."""

from __future__ import annotations

import pytest

from gateway.cache.request import Note, note
from tests.conftest import MakeApp
from tests.gateway.cache.cached import Counting
from tests.matrix.ways import NATIVE, PLAIN, Door
from tests.transport import opened

pytestmark = pytest.mark.anyio
WAYS = {**PLAIN, **NATIVE}


def test_without_a_request_there_is_none() -> None:
    assert note.get() is None


def test_a_note_asks_for_nothing_by_itself() -> None:
    one = Note()
    one.refresh, one.status = True, "hit"
    other = Note()
    assert (other.refresh, other.off, other.status, other.age) == (False, False, None, None)


@pytest.mark.parametrize("way", WAYS)
async def test_a_refresh_is_one_by_every_way_with_headers_of_its_own(make_app: MakeApp, way: str) -> None:
    app = make_app(Counting().server)
    async with opened(app) as http:
        values = [
            (await WAYS[way](Door(app, http), "mine", {}, headers)).value
            for headers in ({}, {"cache-control": "no-cache"}, {}, {"cache-control": "no-store"}, {})
        ]
    assert values == [1, 2, 2, 3, 2]
