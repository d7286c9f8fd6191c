"""The last calls, bounded."""

from __future__ import annotations

from gateway.console.ring import Ended, Ring


def ended(number: int, **fields: object) -> Ended:
    given = {"begun": float(number), "seconds": 1.0, "waited": 0.0, "request_id": f"r{number}", "server": "one"}
    given |= {"tool": "add", "version": "", "via": "call"}
    more = {"caller": None, "client": "", "outcome": "ok", "answered": "", "problem": ""}
    return Ended(number=number, **{**given, **more, **fields})  # type: ignore[arg-type]


def test_reader_goes_on_where_it_was() -> None:
    ring = Ring()
    for number in range(5):
        ring.extend([ended(number)])
    calls, missed = ring.after(3, 10)
    assert ([call.number for call in calls], missed) == ([3, 4], 0)
    assert ring.after(5, 10) == ([], 0)


def test_reader_learns_how_many_it_missed() -> None:
    ring = Ring(max_calls=3)
    for number in range(10):
        ring.extend([ended(number)])
    calls, missed = ring.after(2, 10)
    assert ([call.number for call in calls], missed) == ([7, 8, 9], 5)
    calls, missed = ring.after(2, 2)
    assert ([call.number for call in calls], missed) == ([8, 9], 6)


def test_ring_is_bounded_by_bytes() -> None:
    ring = Ring(max_bytes=10 * 4 * 100)
    for number in range(50):
        ring.extend([ended(number, arguments="x" * 100)])
    assert len(ring) == 10
    ring.extend([ended(50, result="x" * 100_000)])
    assert len(ring) == 0
    assert ring.last == 51


def test_durations_are_those_since_a_time_and_calls_are_found_by_their_request() -> None:
    ring = Ring()
    for number in range(5):
        ring.extend([ended(number, seconds=number / 10)])
    assert ring.since(2.5) == [0.4, 0.3]
    assert [call.number for call in ring.of_request("r3")] == [3]


def test_call_is_shown_without_what_is_empty() -> None:
    assert set(ended(1).shown("p")) == {
        *("process", "number", "begun", "seconds", "waited", "request_id", "server", "tool", "via", "caller"),
        "outcome",
    }
