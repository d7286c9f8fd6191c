"""Patterns with `*`, compared with the equivalent regular expressions, and their speed."""

from __future__ import annotations

import re
from itertools import product

import pytest

from gateway.wildcard import Wildcard

TEXTS = ["".join(letters) for length in range(6) for letters in product("ab", repeat=length)]


@pytest.mark.parametrize("length", range(6))
def test_star_matches_any_text_and_other_characters_themselves(length: int) -> None:
    for pattern in map("".join, product("ab*", repeat=length)):
        expected = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        matched = [text for text in TEXTS if Wildcard(pattern).matches(text)]
        assert (pattern, matched) == (pattern, [text for text in TEXTS if expected.fullmatch(text)])


def test_special_characters_of_other_patterns_are_literal() -> None:
    assert Wildcard("a.[b]?*").matches("a.[b]?c")
    assert not Wildcard("a.c").matches("abc")
    assert Wildcard("*").matches("two\nlines")


def test_many_stars_do_not_backtrack() -> None:
    assert not Wildcard("*a" * 1000 + "b").matches("a" * 100_000)
