"""A tool for every kind of argument."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from kinds_ran import ran
from kinds_values import Person
from pydantic import AfterValidator, BaseModel, Field


class Address(BaseModel):
    street: str
    zip: str = Field(alias="postalCode")


class Customer(BaseModel):
    name: str
    addresses: list[Address] = []


def crash(value: str) -> str:
    raise KeyError(f"the validator's secret {value}")


async def defaults(a: int, b: int = 2, c: str = "three") -> list[Any]:
    ran("defaults")
    return [a, b, c]


async def optional(a: int | None = None, b: str | None = None) -> dict[str, Any]:
    ran("optional")
    return {"a": a, "b": b}


async def made_default(a: Annotated[list[int], Field(default_factory=lambda: [1])]) -> list[int]:
    ran("made_default")
    return a


def nested(customer: Customer, others: list[Customer] | None = None) -> str:
    ran("nested")
    return f"{customer!r} {others!r}"


async def numbers(values: list[int], factor: float = 1) -> float:
    ran("numbers")
    return sum(values) * factor


async def like_a_model(copy: str, json: int = 1) -> str:
    """`copy` and `json` are attributes of every pydantic model."""
    ran("like_a_model")
    return f"{copy} {json}"


async def aliased(person: Person) -> Person:
    ran("aliased")
    return person


async def limited(size: Annotated[int, Field(ge=1, le=3)], mode: Literal["fast", "slow"] = "fast") -> str:
    ran("limited")
    return f"{size} {mode}"


async def dated(day: date, flag: bool = False) -> str:
    ran("dated")
    return f"{day.isoformat()} {flag}"


async def without() -> str:
    ran("without")
    return "called"


async def crashing_validator(value: Annotated[str, AfterValidator(crash)]) -> str:
    ran("crashing_validator")
    return value


ARGUMENTS: list[Callable[..., Any]] = [
    *(defaults, optional, made_default, nested, numbers, like_a_model, aliased, limited, dated, without),
    crashing_validator,
]
