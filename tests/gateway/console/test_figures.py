"""Figures of tools, and the rates of the last minute."""

from __future__ import annotations

from gateway.console.figures import SAMPLES, SLOT_SECONDS, SLOTS, Tally, added, percentiles
from gateway.console.rates import Counts, Rates


def test_tally_counts_calls_errors_and_the_last_error() -> None:
    tally = Tally()
    tally.add([1.0, 2.0], 1)
    tally.add([3.0, 4.0, 5.0], 1)
    tally.errors, tally.without_tool, tally.last_error = 1, 1, (3.0, "timeout", "r3")
    shown = tally.shown(10)
    assert (shown["calls"], shown["errors"], shown["without_tool"]) == (5, 1, 1)
    assert shown["last_error"] == [3.0, "timeout", "r3"]
    assert (len(shown["spark"]), sum(shown["spark"])) == (SLOTS, 5)


def test_tally_is_bounded() -> None:
    tally = Tally()
    for slot in range(3 * SLOTS):
        tally.add([1.0], slot)
    shown = tally.shown((3 * SLOTS - 1) * SLOT_SECONDS)
    assert len(shown["samples"]) <= SAMPLES
    assert shown["spark"] == [1] * SLOTS


def test_figures_of_several_processes_are_added() -> None:
    one, other = Tally(), Tally()
    for _ in range(10):
        one.add([1.0], 1)
        other.add([3.0], 1)
    other.errors = 10
    total = added([{"one:add": one.shown(20)}, {"one:add": other.shown(20), "two:x": other.shown(20)}])
    assert (total["one:add"]["calls"], total["one:add"]["errors"]) == (20, 10)
    assert (total["one:add"]["p50"], total["one:add"]["p99"]) == (3.0, 3.0)
    assert total["two:x"]["calls"] == 10


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}
    assert percentiles([*range(100)]) == {"p50": 50, "p95": 95, "p99": 99}


def test_rates_are_those_of_the_last_seconds() -> None:
    rates = Rates()
    assert rates.last(5.0) == Counts()
    for second in range(200):
        rates.add(float(second), calls=2, errors=1)
    rates.add(199.5, refusals=3)
    assert rates.last(199.9) == Counts(120, 60, 3)
    assert rates.last(199.9, 10) == Counts(20, 10, 3)
