"""Notes about calls, bounded."""

from __future__ import annotations

from gateway.console.notes import Notes


def test_notes_are_found_by_number_and_bounded_by_it() -> None:
    notes = Notes(max_notes=3)
    for number in range(5):
        notes.put(number, {"problem": str(number)})
    assert [dict(notes.of(number)) for number in range(5)] == [{}, {}, *({"problem": str(each)} for each in (2, 3, 4))]


def test_notes_are_bounded_by_bytes() -> None:
    notes = Notes(max_bytes=10 * (4 * 100 + 200))
    for number in range(50):
        notes.put(number, {"arguments": "x" * 100})
    assert [number for number in range(50) if notes.of(number)] == [*range(40, 50)]
    notes.put(50, {"result": "x" * 100_000})
    assert not any(notes.of(number) for number in range(51))
    notes.put(51, {"marks": [(0.1, "log", "x" * 100)], "steps": ["tool", 0.1]})
    assert notes.of(51)
