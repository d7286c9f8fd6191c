"""The bounds of what is kept of documents and answers."""

from __future__ import annotations

from gateway.graphql.kept import Kept


def test_oldest_goes_when_there_are_too_many_or_they_are_too_large() -> None:
    kept = Kept[str](3, 100)
    for key in "abc":
        kept.keep(key, key, 10)
    assert kept.get("a") == "a"
    kept.keep("d", "d", 10)
    assert [kept.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    kept = Kept[str](100, 100)
    for number in range(10):
        kept.keep(number, "x", 25)
    assert [kept.get(number) is not None for number in range(10)] == [False] * 6 + [True] * 4


def test_one_that_is_too_large_is_not_kept_and_a_second_is_not_counted() -> None:
    kept = Kept[str](10, 100)
    kept.keep("large", "x", 26)
    assert kept.get("large") is None
    for _ in range(10):
        kept.keep("same", "x", 25)
    kept.keep("other", "x", 25)
    assert kept.get("same") == kept.get("other") == "x"
    kept.clear()
    assert kept.get("same") is None
