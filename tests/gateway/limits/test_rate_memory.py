"""Windows in memory: as exact as a list of all calls, in a bounded place."""

from __future__ import annotations

import random
import sys
from collections import defaultdict

import pytest
from limits import parse
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.limits.rate_memory import BUCKETS, FINEST, Calls, MemoryWindows
from gateway.limits.rate_rules import Window

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fill(windows: MemoryWindows, key: str, limit: int, expiry: int = 60) -> int:
    """How many calls pass until one does not."""
    passed = 0
    while await windows.acquire_entry(key, limit, expiry):
        passed += 1
    return passed


@pytest.mark.parametrize("limit", [1, 2, 7, 15])
async def test_what_passes_is_what_a_list_of_all_calls_would_let_pass(limit: int) -> None:
    clock, chance = Clock(), random.Random(limit)  # noqa: S311
    windows = MemoryWindows(1000, clock)
    passed: defaultdict[str, list[float]] = defaultdict(list)
    answers = set()
    for _ in range(2000):
        clock.now += chance.choice([0, 0, 0.25, 1, 1, 5])
        key, amount = chance.choice("abc"), chance.choice([1, 1, 1, 2])
        inside = [at for at in passed[key] if at > clock.now - 10]
        assert await windows.get_moving_window(key, limit, 10) == (inside[0] if inside else clock.now, len(inside))
        passes = len(inside) + amount <= limit
        assert await windows.acquire_entry(key, limit, 10, amount) is passes
        passed[key] += [clock.now] * amount * passes
        answers.add(passes)
    assert answers == {True, False}


async def test_a_place_is_free_again_when_its_call_has_left_the_window() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    assert await fill(windows, "a", 2) == 2
    clock.now += 59.5
    assert await fill(windows, "a", 2) == 0
    clock.now += 0.5
    assert await fill(windows, "a", 2) == 2


@pytest.mark.parametrize("limit", [FINEST, FINEST + 1, 10_000])
async def test_exactly_the_limit_passes_and_a_window_stays_small(limit: int) -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    for number in range(limit):
        clock.now = 1000 + 60 * number / limit
        assert await windows.acquire_entry("a", limit, 60)
        if number == limit - 1:
            assert not await windows.acquire_entry("a", limit, 60)
    (window,) = windows._own[60].values()
    assert sys.getsizeof(window._times) + sys.getsizeof(window._counts) < 18_000
    clock.now = 1060 + 60 / FINEST
    assert 1 <= await fill(windows, "a", limit) <= 3 * limit // FINEST


async def test_a_call_of_many_never_counts_for_less_than_its_window() -> None:
    clock, limit = Clock(), 10_000
    windows = MemoryWindows(10, clock)
    for at in (1000.0, 1000.01, 1000.02):
        clock.now = at
        assert await windows.acquire_entry("a", limit, 60)
    clock.now = 1060.0199
    assert (await windows.get_moving_window("a", limit, 60))[1] >= 1
    clock.now = 1060.02 + 60 / FINEST
    assert (await windows.get_moving_window("a", limit, 60))[1] == 0


async def test_each_limit_and_each_length_has_its_own_count() -> None:
    windows = MemoryWindows(10, Clock())
    assert [await fill(windows, key, 3, expiry) for key in "ab" for expiry in (1, 60)] == [3, 3, 3, 3]
    assert not await windows.acquire_entry("c", 3, 60, amount=4)


async def test_when_it_is_full_what_has_expired_makes_room() -> None:
    clock = Clock()
    windows = MemoryWindows(3, clock)
    for key, expiry in (("a", 60), ("b", 60), ("c", 10)):
        assert await fill(windows, key, 1, expiry) == 1
    clock.now += 10
    assert await fill(windows, "d", 1) == 1  # in the place of c
    clock.now += 50
    assert await fill(windows, "a", 1) == 1  # has it back
    assert await fill(windows, "e", 1) == 1  # in the place of b
    assert [*windows._own[60], *windows._own[10]] == ["d", "a", "e"]


async def test_no_window_of_a_call_makes_room_for_another_of_the_same_call() -> None:
    clock = Clock()
    windows = MemoryWindows(2, clock)
    both = [Window("short", 1, 1), Window("long", 3, 60)]
    assert [await windows.take(both) for _ in range(2)] == [True, False]
    clock.now += 1
    assert await windows.acquire_entry("other", 1, 60)  # takes the place of the short one
    assert await windows.take(both)
    clock.now += 60
    assert [await windows.take(both) for _ in range(2)] == [True, False]
    assert (await windows.get_moving_window("short", 1, 1))[1] == 1
    assert (await windows.get_moving_window("long", 3, 60))[1] == 1


async def test_a_call_counts_in_every_window_or_in_none() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    short, long = Window("a", 1, 1), Window("a", 2, 60)
    passed = 0
    for _ in range(5):
        clock.now += 1
        passed += await windows.take([short, long])
    assert passed == 2
    assert await windows.take([short])  # which the refused ones have not taken


async def test_any_number_of_callers_have_a_bounded_place_and_none_is_forgotten() -> None:
    clock = Clock()
    windows = MemoryWindows(100, clock)
    assert [await fill(windows, f"first-{number}", 2) for number in range(100)] == [2] * 100
    passed = [await fill(windows, f"later-{number}", 2) for number in range(3000)]
    assert sum(passed) == 2 * BUCKETS  # each bucket filled, whoever filled it
    assert len(windows._own[60]) == 100
    assert len(windows._shared) == BUCKETS
    assert [await fill(windows, f"first-{number}", 2) for number in range(100)] == [0] * 100
    clock.now += 60
    assert [await fill(windows, f"later-{number}", 2) for number in range(100)] == [2] * 100


async def test_a_caller_who_shares_a_window_gets_no_new_one_while_it_counts() -> None:
    clock = Clock()
    windows = MemoryWindows(1, clock)
    assert await fill(windows, "a", 2) == 2
    clock.now += 30
    assert await fill(windows, "b", 2) == 2
    assert (await windows.get_moving_window("b", 2, 60))[1] == 2
    clock.now += 30  # there is room now, but what b has called counts on
    assert await fill(windows, "b", 2) == 0
    clock.now += 30
    assert await fill(windows, "b", 2) == 2
    assert "b" in windows._own[60]


async def test_the_moving_window_of_limits_counts_by_it() -> None:
    clock = Clock()
    limiter, limit = MovingWindowRateLimiter(MemoryWindows(10, clock)), parse("2/minute")
    assert [await limiter.hit(limit, "a") for _ in range(3)] == [True, True, False]
    assert [await limiter.test(limit, who) for who in "ab"] == [False, True]
    assert await limiter.get_window_stats(limit, "a") == (clock.now + 60, 0)
    await limiter.clear(limit, "a")
    assert await limiter.hit(limit, "a", cost=2)


async def test_it_is_a_storage_of_limits() -> None:
    windows = MemoryWindows(1, Clock())
    assert await windows.check()
    await fill(windows, "a", 1)
    await fill(windows, "b", 1)
    await windows.clear("a")
    assert [await fill(windows, key, 1) for key in "ab"] == [1, 0]
    assert await windows.reset() == 1
    assert [await fill(windows, key, 1) for key in "b"] == [1]
    for fixed in (windows.incr("a", 1), windows.get("a"), windows.get_expiry("a")):
        with pytest.raises(NotImplementedError):
            await fixed


def test_calls_at_one_time_are_one_entry() -> None:
    window = Calls()
    for _ in range(1000):
        window.add(1.0, 1)
    assert (window.count(0.0), len(window._times)) == (1000, 1)
    assert (window.count(1.0), window.last) == (0, float("-inf"))
