"""Canonical JSON: equal for equal arguments, different for any others."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any

import pytest

from gateway.encoding import canonical

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**70, 1.0, 0.0, -0.0, 0.5, 1e16, 10**16, float("inf"), float("nan")),
    *("", "1", "1.0", "null", "true", "NaN", "Infinity", "é", "\\u00e9", "\ud800", "\\ud800", '"', "a", "[]", "{}"),
    *([], [1], ["1"], [[1]], [1, 2], [2, 1], [12], [[1, 2]], [None], [[]], [{}]),
    *({}, {"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": True}, {"a": None}, {"b": 1}, {"a": 1, "b": 2}, {"a": {"b": 1}}),
    *({"a": [1]}, {"a,b": 1}, {'a":1,"b': 2}, {"A": 1}, {"": 1}),
]


def test_different_values_have_different_text() -> None:
    texts = [(value, canonical(value)) for value in VALUES]
    assert [value for value, text in texts if text is None] == []
    assert [(one, other) for (one, text), (other, same) in combinations(texts, 2) if text == same] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ([{"b": 1, "a": [{"d": 1, "c": 2}]}], [{"a": [{"c": 2, "d": 1}], "b": 1}]),
        ({"é": 1, "\ud800": 2}, {"\ud800": 2, "é": 1}),
    ],
)
def test_order_of_keys_does_not_matter(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(other) is not None


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"a", date(2026, 7, 28), object(), [object()], {"a": 1, 2: 3}, 10**5000, circular(), nested(50_000)],
    ids=["set", "bytes", "date", "object", "list", "mixed keys", "digits", "circular", "nested"],
)
def test_value_that_cannot_be_encoded_has_no_text(value: Any) -> None:
    assert canonical(value) is None
