"""The syntax of `MCP_RATE_LIMIT`, and the rule that applies to a call."""

from __future__ import annotations

import pytest

from gateway.clock import Quota
from gateway.errors import LoadError
from gateway.limits.rate_rules import Rules


def name_of(rules: Rules, server: str, tool: str) -> str | None:
    rule = rules.find(server, tool)
    return rule.name if rule is not None else None


def quotas(text: str) -> list[Quota]:
    rule = Rules(text).find("math", "add")
    assert rule is not None
    return list(rule.quotas)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("100/minute", ("default", 100, 60)),
        (" 100 per minute ; ", ("default", 100, 60)),
        ("10/5 seconds", ("default", 10, 5)),
        ("10 per 5 seconds", ("default", 10, 5)),
        ("5 PER Minute", ("default", 5, 60)),
        ("007per2hours", ("default", 7, 7200)),
        ("1/day", ("default", 1, 86_400)),
        ("1/12 months", ("default", 1, 360 * 86_400)),
        ("1/year", ("default", 1, 360 * 86_400)),
        ("math:*=1000/HOUR", ("math:*", 1000, 3600)),
        ("math:add = 7/minute", ("math:add", 7, 60)),
    ],
)
def test_limit_is_a_number_of_calls_in_a_time(text: str, quota: tuple[str, int, int]) -> None:
    assert quotas(text) == [quota]


def test_several_windows_count_together_with_the_shortest_first() -> None:
    assert quotas("1000/hour, 10/second; 100/minute, 10 per second") == [
        ("default/1", 10, 1),
        ("default/60", 100, 60),
        ("default/3600", 1000, 3600),
    ]
    assert quotas("60/minute, 60 per 60 seconds") == [("default", 60, 60)]
    assert quotas("1/day; math:*=9/minute; math:*=99/hour") == [("math:*/60", 9, 60), ("math:*/3600", 99, 3600)]


def test_without_default_only_tools_matching_a_pattern_are_limited() -> None:
    rules = Rules("math:*=1000/minute")
    assert name_of(rules, "math", "add") == "math:*"
    assert name_of(rules, "echo", "add") is None
    assert rules.window_count == 1


def test_most_specific_pattern_wins() -> None:
    patterns = ["*:*", "math:*", "*:add_tool", "math:*_tool", "math:add_*", "math:add_tool", "*:*d*"]
    for order in (patterns, patterns[::-1]):
        rules = Rules("; ".join(["5/day", *(f"{pattern}=1/day" for pattern in order)]))
        assert rules.window_count == len(patterns) + 1
        assert name_of(rules, "math", "add_tool") == "math:add_tool"
        assert name_of(rules, "math", "add_two_tool") == "math:*_tool"
        assert name_of(rules, "math", "add_two") == "math:add_*"
        assert name_of(rules, "math", "subtract_tool") == "math:*_tool"
        assert name_of(rules, "math", "sum") == "math:*"
        assert name_of(rules, "echo", "add_tool") == "*:add_tool"
        assert name_of(rules, "echo", "reads") == "*:*d*"
        assert name_of(rules, "echo", "echo") == "*:*"


@pytest.mark.parametrize("first", ["math:add_t*", "math:*_tool"])
def test_first_of_equally_specific_patterns_wins(first: str) -> None:
    rules = Rules(f"{first}=1/day; math:*_tool=1/day; math:add_t*=1/day")
    assert name_of(rules, "math", "add_two_tool") == first


@pytest.mark.parametrize(
    ("pattern", "tool", "matches"),
    [
        ("read_*", "read_", True),
        ("read_*", "read_file", True),
        ("read_*", "a_read_file", False),
        ("*_file", "read_file", True),
        ("*_file", "read_files", False),
        ("r*d*e", "read_file", True),
        ("r*d*d*e", "read_file", False),
        ("ab*ba", "aba", False),
        ("ab*ba", "abba", True),
        ("*", "", True),
        ("**", "anything at all\n", True),
        ("a.c", "abc", False),
        ("read", "READ", False),
    ],
)
def test_star_matches_any_text(pattern: str, tool: str, matches: bool) -> None:
    assert (name_of(Rules(f"math:{pattern}=1/day"), "math", tool) is not None) is matches
    assert name_of(Rules(f"math:{pattern}=1/day"), "maths", tool) is None


def test_long_tool_name_is_matched_quickly() -> None:
    rules = Rules(f"math:{'a*' * 30}b=1/day")
    assert name_of(rules, "math", "a" * 1_000_000) is None


def test_windows_of_a_rule_have_distinct_keys_per_caller_and_quota() -> None:
    rule = Rules("10/second, 100/minute; math:*=5/hour").find("echo", "say")
    assert rule is not None
    assert rule.windows("me") == [("default/me/10/1", 10, 1), ("default/me/100/60", 100, 60)]


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("100", "100"),
        ("100/minut", "100/minut"),
        ("100/minutess", "100/minutess"),
        ("100/week", "100/week"),
        ("100/s", "100/s"),
        ("100//minute", "100//minute"),
        ("100 minute", "100 minute"),
        ("\u0661/minute", "\u0661/minute"),
        ("/minute", "/minute"),
        ("-1/minute", "-1/minute"),
        ("1.5/minute", "1.5/minute"),
        ("100/minute,", ""),
        ("100/minute, ten/hour", "ten/hour"),
        ("100/minute|1/day", "100/minute|1/day"),
        ("1/day; math:*=", ""),
        ("1/day; math:*=fast", "fast"),
        ("1/day; math=5/minute", "math=5/minute"),
        ("=5/minute", "=5/minute"),
        ("math:=5/minute", "math:=5/minute"),
        ("ma th:add=5/minute", "ma th:add=5/minute"),
        ("math : * = 1/second", "math : * = 1/second"),
        ('math:"=5/minute', 'math:"=5/minute'),
        ("a:b=c:d=5/minute", "a:b=c:d=5/minute"),
        ("0/minute", "0/minute"),
        ("100001/minute", "100001/minute"),
        ("5/2 years", "5/2 years"),
        ("1" * 5000 + "/minute", "1" * 5000 + "/minute"),
        (";", ";"),
    ],
)
def test_unreadable_piece_is_named_in_a_one_line_error(text: str, piece: str) -> None:
    with pytest.raises(LoadError) as caught:
        Rules(text)
    message = str(caught.value)
    assert message.startswith(f"MCP_RATE_LIMIT: {piece!r}: expected ")
    assert "\n" not in message
