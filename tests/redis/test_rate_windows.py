"""Moving windows in a real Redis: atomic, by its clock, and bounded in size."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.limits.rate_redis import RedisWindows
from gateway.limits.rate_rules import MAX_CALLS, MAX_SECONDS, Window
from gateway.redis import RedisClient

PREFIX = "multi-mcp:test:rate:"
pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def move_back(client: RedisClient, key: str, index: int, seconds: float) -> None:
    """Makes a stored call older."""
    name = f"{PREFIX}{key}"
    at = int(await client.client.lindex(name, index) or 0)
    await client.client.lset(name, index, str(at - round(seconds * 1_000_000)))


async def test_wait_is_measured_by_the_clock_of_redis(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    assert await windows.take([Window("a", 1, 60)]) is None
    time, microseconds = await client.client.time()
    age = time * 1_000_000 + microseconds - int(await client.client.lindex(f"{PREFIX}a", 0) or 0)
    assert 0 <= age < 30_000_000
    await move_back(client, "a", 0, 20)
    full = await windows.take([Window("a", 1, 60)])
    assert full is not None
    assert full.position == 0
    assert 10 < full.wait <= 40


async def test_refusal_reports_the_window_with_the_longest_wait(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    taken = [Window("a", 1, 60), Window("b", 1, 3600), Window("c", 5, 86_400)]
    assert await windows.take(taken) is None
    full = await windows.take(taken)
    assert full is not None
    assert full.position == 1
    assert 3500 < full.wait <= 3600
    await move_back(client, "b", 0, 3590)
    full = await windows.take(taken)
    assert full is not None
    assert full.position == 0


async def passes(windows: RedisWindows, *taken: Window) -> bool:
    return await windows.take(taken) is None


async def test_call_counts_in_every_window_or_in_none(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    small, large = Window("a", 1, 60), Window("b", 3, 3600)
    assert [await passes(windows, small, large) for _ in range(4)] == [True, False, False, False]
    assert [await client.client.llen(f"{PREFIX}{key}") for key in "ab"] == [1, 1]
    assert [await passes(windows, large) for _ in range(3)] == [True, True, False]


async def test_slot_is_free_when_its_call_leaves_the_window(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    window = Window("a", 2, 60)
    assert [await passes(windows, window) for _ in range(3)] == [True, True, False]
    await move_back(client, "a", 1, 60)  # the older one of the two
    assert [await passes(windows, window) for _ in range(2)] == [True, False]
    assert await client.client.llen(f"{PREFIX}a") == 2


async def test_times_of_calls_keep_their_microseconds(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    for _ in range(20):
        await windows.take([Window("a", 100, 60)])
    times: list[Any] = await client.client.lrange(f"{PREFIX}a", 0, -1)
    assert all(re.fullmatch(rb"[0-9]{16}", at) for at in times)
    assert len(set(times)) == 20
    assert any(int(at) % 1000 for at in times)


async def test_longest_window_and_largest_limit_are_accepted(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    assert await passes(windows, Window("a", MAX_CALLS, MAX_SECONDS))
    assert await passes(windows, Window("b", 1, MAX_SECONDS))
    full = await windows.take([Window("b", 1, MAX_SECONDS)])
    assert full is not None
    assert MAX_SECONDS - 30 < full.wait <= MAX_SECONDS


async def test_script_is_loaded_again_after_redis_lost_it(client: RedisClient) -> None:
    windows = RedisWindows(client, is_open=False)
    assert await passes(windows, Window("a", 2, 60))
    await client.client.script_flush()
    assert await passes(windows, Window("a", 2, 60))
    assert not await passes(windows, Window("a", 2, 60))
