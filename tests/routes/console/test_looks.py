"""Pages that look at the same moment share one look."""

from __future__ import annotations

import asyncio

import pytest

from gateway.console.feed import Feed
from gateway.console.source import Chunk, OwnProcess, Shown
from routes.console.looks import Looks

pytestmark = pytest.mark.anyio


class Counted(OwnProcess):
    """Counts how often it is asked. Each answer takes a while, as that of another process does."""

    def __init__(self) -> None:
        super().__init__(Feed())
        self.asked = 0
        self.go_on = asyncio.Event()

    async def after(self, cursor: str) -> Chunk:
        self.asked += 1
        await self.go_on.wait()
        return await super().after(cursor)

    async def states(self) -> list[Shown]:
        self.asked += 1
        await self.go_on.wait()
        return [*await super().states()]


async def test_many_pages_at_one_moment_are_one_look_and_get_the_same() -> None:
    source = Counted()
    looks = Looks(source, 60)
    pages = [asyncio.create_task(looks.after("")) for _ in range(10)]
    states = [asyncio.create_task(looks.state()) for _ in range(10)]
    await asyncio.sleep(0)
    source.go_on.set()
    news = await asyncio.gather(*pages)
    await asyncio.gather(*states)
    assert source.asked == 2
    assert len({*news}) == 1
    assert news[0].event.startswith(b"event: calls\nid: ")
    await looks.after("elsewhere")
    assert source.asked == 3


async def test_page_that_leaves_while_it_looks_holds_no_other_up() -> None:
    source = Counted()
    looks = Looks(source, 60)
    first, second = (asyncio.create_task(looks.after("")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.go_on.set()
    assert (await second).event
    assert first.cancelled() or first.cancelling()


async def test_next_moment_is_a_new_look() -> None:
    source = Counted()
    source.go_on.set()
    looks = Looks(source, 0.01)
    await looks.after("")
    await looks.until_next()
    await looks.until_next()
    await looks.after("")
    assert source.asked == 2
