"""The last calls, bounded."""

from __future__ import annotations

from gateway.console.ring import Record, Ring, by_second


def ended(number: int, began: float | None = None, seconds: float = 1.0) -> Record:
    start = float(number) if began is None else began
    return number, start, seconds, f"r{number}", "one", "add", "", "call", None, "", "ok"


def numbers(calls: list[Record]) -> list[int]:
    return [call[0] for call in calls]


def test_reader_goes_on_where_it_was() -> None:
    ring = Ring()
    for number in range(5):
        ring.extend([ended(number)])
    calls, missed = ring.after(3, 10)
    assert (numbers(calls), missed) == ([3, 4], 0)
    assert ring.after(5, 10) == ([], 0)


def test_reader_learns_how_many_it_missed() -> None:
    ring = Ring(max_calls=3)
    for number in range(10):
        ring.extend([ended(number)])
    calls, missed = ring.after(2, 10)
    assert (numbers(calls), missed) == ([7, 8, 9], 5)
    calls, missed = ring.after(2, 2)
    assert (numbers(calls), missed) == ([8, 9], 6)


def test_reader_of_all_calls_gets_the_first_ones_first_and_learns_how_many_are_gone() -> None:
    ring = Ring(max_calls=4)
    for number in range(10):
        ring.extend([ended(number)])
    calls, gone = ring.following(5, 2)
    assert (numbers(calls), gone) == ([6, 7], 1)
    calls, gone = ring.following(8, 2)
    assert (numbers(calls), gone) == ([8, 9], 0)
    assert ring.following(10, 2) == ([], 0)


def test_durations_are_those_since_a_time_and_calls_are_found_by_their_request() -> None:
    ring = Ring()
    for number in range(5):
        ring.extend([ended(number, seconds=number / 10)])
    assert ring.since(2.5) == [0.4, 0.3]
    assert numbers(ring.of_request("r3")) == [3]


def test_calls_are_parted_by_the_second_in_which_they_ended() -> None:
    calls = [ended(at, began=began, seconds=0.5) for at, began in enumerate([0.1, 0.4, 0.6, 2.7, 2.8, 9.5])]
    assert [(second, len(part)) for second, part in by_second(calls, 100.0)] == [(100, 2), (101, 1), (103, 2), (110, 1)]
    assert [*by_second([], 0.0)] == []
