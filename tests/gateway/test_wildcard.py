"""A pattern matches what a regular expression would, and no pattern makes it slow."""

from __future__ import annotations

import re
from itertools import product

import pytest

from gateway.wildcard import Wildcard

TEXTS = ["".join(letters) for length in range(6) for letters in product("ab", repeat=length)]


@pytest.mark.parametrize("length", range(6))
def test_a_star_is_any_text_and_all_else_itself(length: int) -> None:
    for pattern in map("".join, product("ab*", repeat=length)):
        expected = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        matched = [text for text in TEXTS if Wildcard(pattern).matches(text)]
        assert (pattern, matched) == (pattern, [text for text in TEXTS if expected.fullmatch(text)])


def test_what_means_something_elsewhere_is_itself() -> None:
    assert Wildcard("a.[b]?*").matches("a.[b]?c")
    assert not Wildcard("a.c").matches("abc")
    assert Wildcard("*").matches("two\nlines")


def test_many_stars_do_not_go_back() -> None:
    assert not Wildcard("*a" * 1000 + "b").matches("a" * 100_000)
