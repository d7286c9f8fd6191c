"""Moving windows in memory: as exact as a list of all calls, and bounded in size."""

from __future__ import annotations

import random
import sys
from collections import defaultdict

import pytest

from gateway.limits.rate_limit import Full
from gateway.limits.rate_memory import MAX_EXACT_CALLS, OVERFLOW_WINDOWS, Calls, MemoryWindows
from gateway.limits.rate_rules import Window

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def passes(windows: MemoryWindows, *taken: Window) -> bool:
    return await windows.take(taken) is None


async def fill(windows: MemoryWindows, key: str, calls: int, seconds: int = 60) -> int:
    """Returns the number of calls that pass until one is refused."""
    passed = 0
    while await passes(windows, Window(key, calls, seconds)):
        passed += 1
    return passed


@pytest.mark.parametrize("limit", [1, 2, 7, 15])
@pytest.mark.slow
async def test_windows_decide_as_a_list_of_all_calls_would(limit: int) -> None:
    clock, chance = Clock(), random.Random(limit)  # noqa: S311
    windows = MemoryWindows(1000, clock)
    passed: defaultdict[str, list[float]] = defaultdict(list)
    refusals = 0
    for _ in range(2000):
        clock.now += chance.choice([0, 0, 0.25, 0.25, 0.5, 1])
        key = chance.choice("abc")
        inside = [at for at in passed[key] if at > clock.now - 10]
        full = await windows.take([Window(key, limit, 10)])
        if len(inside) < limit:
            assert full is None
            passed[key].append(clock.now)
        else:
            assert full == Full(0, inside[0] + 10 - clock.now)
            refusals += 1
    assert 0 < refusals < 2000


async def test_slot_is_free_when_its_call_leaves_the_window() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    assert await fill(windows, "a", 2) == 2
    clock.now += 59.5
    assert await fill(windows, "a", 2) == 0
    clock.now += 0.5
    assert await fill(windows, "a", 2) == 2


@pytest.mark.parametrize("limit", [MAX_EXACT_CALLS, MAX_EXACT_CALLS + 1, 10_000])
async def test_exactly_the_limit_passes_and_window_stays_small(limit: int) -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    for number in range(limit):
        clock.now = 1000 + 60 * number / limit
        assert await passes(windows, Window("a", limit, 60))
        if number == limit - 1:
            assert not await passes(windows, Window("a", limit, 60))
    (window,) = windows._own[60].values()
    assert sys.getsizeof(window._times) + sys.getsizeof(window._counts) < 18_000
    clock.now = 1060 + 60 / MAX_EXACT_CALLS
    assert 1 <= await fill(windows, "a", limit) <= 3 * limit // MAX_EXACT_CALLS


@pytest.mark.parametrize(("at", "counted"), [(1060.0199, {1, 2, 3}), (1060.02 + 60 / MAX_EXACT_CALLS, {0})])
@pytest.mark.slow
async def test_rounded_time_never_expires_early(at: float, counted: set[int]) -> None:
    clock, limit = Clock(), 10_000
    windows = MemoryWindows(10, clock)
    for clock.now in (1000.0, 1000.01, 1000.02):
        assert await passes(windows, Window("a", limit, 60))
    clock.now = at
    assert limit - await fill(windows, "a", limit) in counted


async def test_each_key_and_each_length_has_its_own_count() -> None:
    windows = MemoryWindows(10, Clock())
    assert [await fill(windows, key, 3, seconds) for key in "ab" for seconds in (1, 60)] == [3, 3, 3, 3]


async def test_expired_windows_make_room_when_full() -> None:
    clock = Clock()
    windows = MemoryWindows(3, clock)
    for key, seconds in (("a", 60), ("b", 60), ("c", 10)):
        assert await fill(windows, key, 1, seconds) == 1
    clock.now += 10
    assert await fill(windows, "d", 1) == 1  # replaces c
    clock.now += 50
    assert await fill(windows, "a", 1) == 1  # keeps its window
    assert await fill(windows, "e", 1) == 1  # replaces b
    assert [*windows._own[60], *windows._own[10]] == ["d", "a", "e"]


async def test_window_is_not_removed_for_another_window_of_the_same_call() -> None:
    clock = Clock()
    windows = MemoryWindows(2, clock)
    both = [Window("short", 1, 1), Window("long", 3, 60)]
    assert [await passes(windows, *both) for _ in range(2)] == [True, False]
    clock.now += 1
    assert await passes(windows, Window("other", 1, 60))  # replaces the short window
    assert await passes(windows, *both)
    clock.now += 60
    assert [await passes(windows, *both) for _ in range(2)] == [True, False]
    assert await fill(windows, "short", 1, 1) == 0
    assert await fill(windows, "long", 3, 60) == 2


async def test_call_counts_in_every_window_or_in_none() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    short, long = Window("a", 1, 1), Window("a", 2, 60)
    passed = 0
    for _ in range(5):
        clock.now += 1
        passed += await passes(windows, short, long)
    assert passed == 2
    assert await passes(windows, short)  # the refused calls have not taken it


async def test_refusal_reports_the_window_with_the_longest_wait() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    taken = [Window("a", 1, 10), Window("a", 1, 60), Window("a", 5, 3600)]
    assert await windows.take(taken) is None
    clock.now += 4
    assert await windows.take(taken) == Full(1, 56)
    assert await windows.take(taken[:1]) == Full(0, 6)


async def test_memory_is_bounded_for_any_number_of_callers_and_no_call_is_forgotten() -> None:
    clock = Clock()
    windows = MemoryWindows(100, clock)
    assert [await fill(windows, f"first-{number}", 2) for number in range(100)] == [2] * 100
    passed = [await fill(windows, f"later-{number}", 2) for number in range(3000)]
    assert sum(passed) == 2 * OVERFLOW_WINDOWS  # each one is filled once, by any of its callers
    assert len(windows._own[60]) == 100
    assert len(windows._overflow) == OVERFLOW_WINDOWS
    assert [await fill(windows, f"first-{number}", 2) for number in range(100)] == [0] * 100
    clock.now += 60
    assert [await fill(windows, f"later-{number}", 2) for number in range(100)] == [2] * 100


async def test_caller_stays_in_its_overflow_window_until_that_is_empty() -> None:
    clock = Clock()
    windows = MemoryWindows(1, clock)
    assert await fill(windows, "a", 2) == 2
    clock.now += 30
    assert await fill(windows, "b", 2) == 2
    clock.now += 30  # the window of a has expired, the calls of b have not
    assert await fill(windows, "b", 2) == 0
    clock.now += 30
    assert await fill(windows, "b", 2) == 2
    assert "b" in windows._own[60]


def test_calls_at_the_same_time_are_one_entry() -> None:
    window = Calls()
    for _ in range(1000):
        window.add(1.0)
    assert (window.count(0.0), len(window._times)) == (1000, 1)
    assert (window.count(1.0), window.last) == (0, float("-inf"))
