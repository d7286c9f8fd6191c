"""A tool for every kind of value that a function can return as data."""

# The SDK reads the annotations below. Missing and bare ones are cases too.
# mypy: disable-error-code="no-untyped-def, type-arg"

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

from kinds_ran import ran
from pydantic import BaseModel, Field


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Line:
    start: Point
    end: Point
    labels: list[str] = field(default_factory=list)


class Person(BaseModel):
    full_name: str = Field(alias="fullName")
    born: date | None = None


class Employee(Person):
    salary: int = 1


class Tree(BaseModel):
    value: int
    children: "list[Tree]" = []


class Row(TypedDict):
    id: int
    note: NotRequired[str]


class Colour(Enum):
    RED = "red"


class Plain:
    """A class unknown to pydantic."""

    def __init__(self) -> None:
        self.hidden = 1

    def __str__(self) -> str:
        return "plain"


def sync_add(a: int, b: int) -> int:
    ran("sync_add")
    return a + b


async def async_add(a: int | float, b: int | float) -> int | float:
    ran("async_add")
    return a + b


async def dataclass_value(x: int) -> Line:
    ran("dataclass_value")
    return Line(Point(x), Point(1, 2), ["a"])


def model_with_alias(name: str) -> Person:
    ran("model_with_alias")
    return Person(fullName=name, born=date(2000, 1, 2))


async def more_than_declared(name: str) -> Person:
    ran("more_than_declared")
    return Employee(fullName=name)


async def model_as_dict(name: str) -> Person:
    ran("model_as_dict")
    return {"full_name": name}  # type: ignore[return-value]


async def recursive_model(depth: int) -> Tree:
    ran("recursive_model")
    return Tree(value=depth, children=[Tree(value=0)])


async def typed_dict(id: int) -> Row:  # noqa: A002  # the name is the case
    ran("typed_dict")
    return {"id": id}


def list_of_numbers(count: int) -> list[int]:
    ran("list_of_numbers")
    return list(range(count))


async def list_of_models(name: str) -> list[Person]:
    ran("list_of_models")
    return [Person(fullName=name)]


async def dict_of_numbers(key: str) -> dict[str, int]:
    ran("dict_of_numbers")
    return {key: 1}


async def dict_by_number() -> dict[int, str]:
    ran("dict_by_number")
    return {1: "one"}


async def pair() -> tuple[int, str]:
    ran("pair")
    return 1, "two"


async def bare_dict() -> dict:
    ran("bare_dict")
    return {"a": [1, None, {"b": 2.5}]}


async def bare_list(count: int) -> list:
    ran("bare_list")
    return ["text", 2, None][:count]


def unannotated(value):
    ran("unannotated")
    return value


async def anything(value: Any) -> Any:
    ran("anything")
    return value


async def stranger():
    ran("stranger")
    return {"value": Plain()}


async def nothing() -> None:
    ran("nothing")


async def perhaps(given: bool) -> str | None:
    ran("perhaps")
    return "given" if given else None


def octets() -> bytes:
    ran("octets")
    return b"abc"


async def text(value: str) -> str:
    ran("text")
    return value


async def many_types() -> dict[str, Decimal | UUID | datetime | Colour | set[int]]:
    ran("many_types")
    moment = datetime(2026, 7, 28, 12, 30, tzinfo=UTC)
    return {"price": Decimal("1.50"), "id": UUID(int=1), "at": moment, "colour": Colour.RED, "set": {1}}


async def constrained() -> Annotated[int, Field(ge=1)]:
    ran("constrained")
    return 1


async def no_number() -> float:
    ran("no_number")
    return float("nan")


async def no_numbers():
    ran("no_numbers")
    return {"values": [float("inf"), 1.5]}


VALUES: list[Callable[..., Any]] = [
    *(sync_add, async_add, dataclass_value, model_with_alias, more_than_declared, model_as_dict, recursive_model),
    *(typed_dict, list_of_numbers, list_of_models, dict_of_numbers, dict_by_number, pair, bare_dict, bare_list),
    *(unannotated, anything, stranger, nothing, perhaps, octets, text, many_types, constrained),
    *(no_number, no_numbers),
]
