"""Names of tools over all servers: unambiguous, and valid in every model's API."""

from __future__ import annotations

import random
import re

import pytest

from gateway.naming import MAX_NAME_LENGTH, may_be_named, unambiguous

Key = tuple[str, str]
SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
KEYS: list[Key] = [
    ("math", "add"),
    ("math", "add_tool"),
    ("a", "b_c"),
    ("a_b", "c"),
    ("weather", "fore.cast"),
    ("weather", "fore cast"),
    ("weather", "fore_cast"),
    ("s" * 40, "t" * 128),
    ("s" * 40, "t" * 127 + "u"),
    ("s" * 40, "t" * 23),
    ("0", "zero"),
    ("-", "minus"),
    ("é", "accent"),
    ("", "alone"),
    ("", "0alone"),
    ("math", "\ud800"),
    ("math", ""),
    ("", ""),
]


def test_name_is_the_server_and_the_tool() -> None:
    assert unambiguous([("math", "add"), ("", "alone")]) == {"math_add": ("math", "add"), "alone": ("", "alone")}


def test_every_tool_has_a_unique_name_that_every_model_accepts() -> None:
    names = unambiguous(KEYS)
    assert list(names.values()) == KEYS
    assert [name for name in names if not SAFE.fullmatch(name)] == []


def test_names_do_not_depend_on_the_order() -> None:
    expected = {key: name for name, key in unambiguous(KEYS).items()}
    for seed in range(5):
        keys = random.Random(seed).sample(KEYS, len(KEYS))  # noqa: S311
        assert {key: name for name, key in unambiguous(keys).items()} == expected


def test_new_tool_does_not_change_other_names() -> None:
    before = {key: name for name, key in unambiguous(KEYS).items()}
    after = {key: name for name, key in unambiguous([*KEYS, ("new", "tool")]).items()}
    assert {key: after[key] for key in before} == before


def test_equal_names_all_end_in_a_hash() -> None:
    names = unambiguous([("a", "b_c"), ("a_b", "c"), ("d", "e")])
    assert [re.fullmatch(r"a_b_c_[0-9a-f]{8}", name) is not None for name in names] == [True, True, False]


@pytest.mark.parametrize("tool", ["t" * 24, "t" * 500, "é", "a.b", "a/b"])
def test_shortened_or_changed_name_ends_in_a_hash(tool: str) -> None:
    [name] = unambiguous([("s" * 40, tool)])
    assert re.fullmatch(r"s{40}_.*_[0-9a-f]{8}", name)
    assert len(name) <= MAX_NAME_LENGTH


def test_name_of_the_maximum_length_is_not_changed() -> None:
    assert [*unambiguous([("s" * 40, "t" * 23)])] == [f"{'s' * 40}_{'t' * 23}"]


def test_tool_cannot_take_the_hashed_name_of_another() -> None:
    keys = [("a", "b_c"), ("a_b", "c")]
    first = taken = next(iter(unambiguous(keys)))
    for _ in range(3):
        keys.append(("a", taken.removeprefix("a_")))
        names = unambiguous(keys)
        assert list(names.values()) == keys
        assert names[first] == ("a", "b_c")
        taken = next(name for name, key in names.items() if key == keys[-1])


def test_server_of_a_name_is_among_those_that_may_have_it() -> None:
    for name, (server, _) in unambiguous(KEYS).items():
        assert not server or may_be_named(server, name)
    assert not may_be_named("math", "maths_add")
