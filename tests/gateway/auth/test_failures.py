"""How many wrong credentials an address may bring."""

from __future__ import annotations

import pytest

from gateway.auth.failures import WINDOW, Failures
from gateway.errors import TooManyFailures


class Door:
    def __init__(self, limit: int, addresses: int) -> None:
        self.now = 0.0
        self.failures = Failures(limit, addresses, lambda: self.now)

    def fails(self, address: str, times: int = 1) -> None:
        for _ in range(times):
            self.failures.add(address)

    def retry_after(self, address: str) -> int | None:
        try:
            self.failures.refuse(address)
        except TooManyFailures as exc:
            return exc.retry_after
        return None


def test_each_address_has_its_number_each_minute() -> None:
    door = Door(3, 10)
    door.fails("a", 2)
    assert door.retry_after("a") is None
    door.now = 10.5
    door.fails("a")
    door.fails("b")
    assert (door.retry_after("a"), door.retry_after("b"), door.retry_after("c")) == (50, None, None)
    door.now = WINDOW
    assert door.retry_after("a") is None
    door.fails("a", 3)
    assert door.retry_after("a") == WINDOW


def test_beyond_those_that_are_counted_all_share_one_count() -> None:
    door = Door(3, 100)
    for number in range(100):
        door.fails(f"old {number}", 3 if number == 7 else 1)
    for number in range(3):
        assert door.retry_after(f"new {number}") is None
        door.fails(f"new {number}")
    assert door.retry_after("new 1000") == WINDOW
    assert (door.retry_after("old 7"), door.retry_after("old 8")) == (WINDOW, None)


@pytest.mark.parametrize("times", [1, 20])
def test_memory_is_bounded_whatever_the_number_of_addresses(times: int) -> None:
    door = Door(5, 100)
    for number in range(10_000):
        door.now += 0.001
        door.fails(f"{number}", times)
    assert len(door.failures) == 101
    door.now += WINDOW
    assert door.retry_after("any") is None
    assert len(door.failures) == 0
