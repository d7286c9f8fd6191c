"""Lazy servers that nobody uses: nothing of their processes is kept."""

from __future__ import annotations

import gc

import anyio
import pytest

from gateway.upstream.stdio.child import Child
from tests.clients import post
from tests.gateway.upstream.conftest import Serving, entry, status

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


def children() -> int:
    gc.collect()
    return sum(isinstance(each, Child) for each in gc.get_objects())


async def test_child_that_is_idle_is_forgotten_and_started_again_for_the_next_call(serving: Serving) -> None:
    before = children()
    async with serving(one=entry(idleTimeout=0.2)) as http:
        for _ in range(2):
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
            await status(http, "idle")
            with anyio.fail_after(20):
                while children() > before:
                    await anyio.sleep(0.02)
