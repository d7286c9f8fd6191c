"""Without a Redis at all; with a real one in `tests/shared`."""

from __future__ import annotations

import pytest

from gateway.errors import LoadError
from gateway.shared import Away, Shared

pytestmark = pytest.mark.anyio


async def test_one_that_never_was_is_away() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    async with shared.opened():
        with pytest.raises(Away):
            await shared.ask(shared.client.ping)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(LoadError, match="REDIS_URL: "):
        Shared("http://127.0.0.1:1")
