"""The comparison of the times of tools at several instances."""

from __future__ import annotations

from gateway.upstream.instances.speeds import ENOUGH, LAST, MAX_TOOLS, Speeds


def noted(speeds: Speeds, number: int, seconds: float, tool: str = "tool", times: int = ENOUGH) -> str:
    """Notes the same time again and again, and returns the last verdict."""
    return [speeds.note(number, tool, seconds) for _ in range(times)][-1]


def test_outlier_is_slow_after_enough_calls() -> None:
    speeds = Speeds(3)
    assert noted(speeds, 1, 0.05) == noted(speeds, 2, 0.06) == ""
    assert noted(speeds, 0, 0.8, times=ENOUGH - 1) == ""
    assert noted(speeds, 0, 0.8, times=1) == "calls of 'tool' take 0.80 seconds, and 0.06 elsewhere"


def test_tool_that_is_slow_everywhere_says_nothing() -> None:
    speeds = Speeds(3)
    for number in range(3):
        noted(speeds, number, 0.01, "quick", LAST)
    assert [noted(speeds, number, 5.0, "report", LAST) for number in range(3)] == ["", "", ""]


def test_slow_tool_that_was_called_at_one_instance_alone_says_nothing() -> None:
    speeds = Speeds(2)
    noted(speeds, 1, 0.01, "quick", LAST)
    assert noted(speeds, 0, 9.0, "report", LAST) == ""


def test_nothing_below_the_floor_is_slow() -> None:
    speeds = Speeds(2)
    noted(speeds, 1, 0.001)
    assert noted(speeds, 0, 0.24, times=LAST) == ""


def test_few_long_calls_among_short_ones_say_nothing() -> None:
    speeds = Speeds(2)
    noted(speeds, 1, 0.01)
    assert [speeds.note(0, "tool", 9.0 if number % 3 == 0 else 0.01) for number in range(30)] == [""] * 30


def test_verdict_is_forgotten_with_its_times() -> None:
    speeds = Speeds(2)
    noted(speeds, 1, 0.01)
    assert noted(speeds, 0, 1.0)
    speeds.forget(0)
    assert noted(speeds, 0, 1.0, times=ENOUGH - 1) == ""


def test_number_of_tools_is_bounded() -> None:
    speeds = Speeds(2)
    for number in range(MAX_TOOLS):
        noted(speeds, 1, 0.01, f"tool-{number}", 1)
    noted(speeds, 1, 0.01, "one more")
    assert noted(speeds, 0, 9.0, "one more") == ""
