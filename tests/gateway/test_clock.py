"""The clock of a call."""

from __future__ import annotations

import anyio
import pytest

from gateway.clock import Clock, TimeLimits

pytestmark = pytest.mark.anyio


async def test_silence_ends_first_without_progress() -> None:
    clock = Clock(TimeLimits(silence=10, total=60, answer=300))
    assert 9 < clock.left() <= 10
    assert clock.limit == 10


async def test_total_is_never_shorter_than_the_silence() -> None:
    clock = Clock(TimeLimits(silence=10, total=1, answer=300))
    assert 9 < clock.left() <= 10


async def test_progress_gives_the_tool_more_time_but_not_more_than_the_total() -> None:
    clock = Clock(TimeLimits(silence=10, total=15, answer=300))
    clock._ends -= 10  # as if 10 seconds had passed
    clock.progressed()
    assert 4 < clock.left() <= 5
    assert clock.limit == 15


async def test_thinking_time_does_not_count_and_has_a_limit_of_its_own() -> None:
    clock = Clock(TimeLimits(silence=10, total=60, answer=300))
    with clock.paused():
        assert 299 < clock.left() <= 300
        assert clock.limit == 300
        with clock.paused():
            await anyio.sleep(0.02)
        assert 299 < clock.left() < 300
    assert 9.9 < clock.left() <= 10
