"""The same arguments are the same text; others never are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from mcp.server.mcpserver.tools import Tool
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from gateway.cache.key import canonical
from gateway.local.plan import Plan


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    ONE = 1


class Filter(BaseModel):
    owner: str | None = None
    hidden: int = Field(default=0, exclude=True)


class Other(BaseModel):
    owner: str | None = None
    hidden: int = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Noted(BaseModel):
    _note: str = PrivateAttr(default="")

    @classmethod
    def of(cls, note: str) -> Noted:
        noted = cls()
        noted._note = note
        return noted


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass(slots=True)
class Slotted:
    x: int


@dataclass
class Extended(Point):
    def __post_init__(self) -> None:
        self.more = self.x * 2


AT = datetime(2026, 7, 28, 12, 30)
ALL: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**70, 1.0, -0.0, 0.5, float("inf"), float("nan"), "", "1", "null", "é\u2028", "a"),
    *([], [1], [[1]], ["list", 1], ["1"], (), (1,), {}, {"a": 1}, {"a": 1, "b": 2}, {1: "a"}, {"1": "a"}, {"dict": []}),
    *(set(), {1}, {1, 2}, frozenset(), frozenset({1}), b"", b"a", Colour.RED, Size.ONE, Point(1), Point(1, 1)),
    *(AT, AT.replace(tzinfo=UTC), AT.astimezone(timezone(timedelta(hours=1))), AT.date(), AT.time(), timedelta(1)),
    *(str(AT), Decimal("1"), Decimal("1.0"), UUID(int=1), Path("/a"), Path("a"), AnyUrl("http://a/"), Slotted(1)),
    *(
        Filter(),
        Filter(owner=None),
        Filter(owner="a"),
        Filter(hidden=1),
        Other(),
        Open(),
        Open.model_validate({"a": 1}),
    ),
    *(Noted.of("a"), Noted.of("b"), Extended(1), {"x": 1, "y": 0}, [Point(1)], [1, 2], [2, 1], ["a", ["b"]]),
]


def test_all_that_differs_is_told_apart() -> None:
    texts = [(value, canonical([value])) for value in ALL]
    assert [value for value, text in texts if text is None] == []
    assert [(one, other) for (one, text), (other, same) in combinations(texts, 2) if text == same] == []
    assert canonical([1, 2]) != canonical([[1, 2]]) != canonical([12])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({*range(100)}, {*reversed(range(100))}),
        ({frozenset("ab"): 1, frozenset("c"): 2}, {frozenset("c"): 2, frozenset("ba"): 1}),
        (Point(1), Point(1, 0)),
        (Filter(owner="a", hidden=1), Filter(hidden=1, owner="a")),
        ([{"b": 1, "a": [{"d": 1, "c": 2}]}], [{"a": [{"c": 2, "d": 1}], "b": 1}]),
    ],
)
def test_the_same_in_another_order_is_the_same(one: Any, other: Any) -> None:
    assert canonical([one]) == canonical([other]) is not None


class Hidden:
    """Nobody knows what is in it."""


class Text(str):
    """More than its text, maybe."""

    __slots__ = ()


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [SecretStr("a"), Hidden(), Text("a"), deque([1]), [Hidden()], {"a": SecretStr("a")}, Point, "\ud800", endless()],
)
def test_what_cannot_be_told_apart_has_no_text(value: Any) -> None:
    assert canonical([value]) is None


async def search(
    text: str,
    limit: int = 10,
    day: date | None = None,
    where: Filter | None = None,
    tags: Annotated[set[str], Field(default_factory=set)] = ...,  # type: ignore[assignment]
    copy: bool = False,
) -> str:
    return text


def text_of(arguments: dict[str, Any], function: Callable[..., Any] = search) -> bytes | None:
    values = Plan(Tool.from_function(function)).validated(arguments)
    return None if values is None else canonical(values.values())


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "a"},
        {"limit": 10, "text": "a"},
        {"text": "a", "limit": "10"},
        {"text": "a", "limit": 10.0},
        {"text": "a", "day": None, "where": None, "tags": [], "copy": False},
        {"text": "a", "tags": "[]", "copy": "no", "unknown": 1},
    ],
)
def test_arguments_are_compared_as_the_function_is_given_them(arguments: dict[str, Any]) -> None:
    assert text_of(arguments) == text_of({"text": "a"}) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "A"},
        {"text": "a", "limit": 11},
        {"text": "a", "day": "2026-07-28"},
        {"text": "a", "where": {}},
        {"text": "a", "where": {"owner": None}},
        {"text": "a", "tags": ["a"]},
        {"text": "a", "copy": True},
    ],
)
def test_other_arguments_are_others(arguments: dict[str, Any]) -> None:
    assert text_of(arguments) not in (text_of({"text": "a"}), None)


def test_arguments_that_will_be_refused_have_no_text() -> None:
    assert text_of({}) is None
    assert text_of({"text": "a", "limit": "many"}) is None
