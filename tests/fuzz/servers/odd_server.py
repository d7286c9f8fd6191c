"""A tool of every kind, for clients that send anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

mcp = MCPServer("odd")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int = Field(ge=1)


class Person(BaseModel):
    name: str = Field(min_length=1, max_length=20)
    homes: list[Address] = Field(default=[], max_length=3)
    born: date | None = None
    nick: str | None = Field(default=None, alias="nickName")


class Tree(BaseModel):
    label: str
    children: list[Tree] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


@dataclass
class Point:
    x: float
    y: float = 0.0


class Options(TypedDict):
    size: int
    shade: NotRequired[str]


class Consent(BaseModel):
    agreed: bool


@mcp.tool()
async def scalars(text: str, whole: int, number: float, flag: bool) -> str:
    """One of each."""
    return f"{text} {whole} {number} {flag}"


@mcp.tool()
def doubled(whole: int) -> int:
    """Sync."""
    return whole * 2


@mcp.tool()
async def bounded(
    percent: Annotated[int, Field(ge=0, le=100)],
    code: Annotated[str, Field(pattern="^[a-z]{2,5}$")] = "abc",
    share: Annotated[float, Field(gt=0, lt=1, description="Of the whole.")] = 0.5,
) -> float:
    return percent * share


@mcp.tool()
async def optional(
    unset: Annotated[int, Field(default=None)], name: str | None = None, count: int | None = None
) -> list[Any]:
    return [name, count, unset]


@mcp.tool()
async def greeted(person: Person) -> Person:
    return person


@mcp.tool()
async def planted(tree: Tree) -> Tree:
    return tree


@mcp.tool()
async def fed(animal: Annotated[Cat | Dog, Field(discriminator="kind")]) -> str:
    return animal.kind


@mcp.tool()
async def painted(colour: Colour, level: Level = Level.LOW, finish: Literal["matt", "gloss", 3] = "matt") -> Colour:
    return colour


@mcp.tool()
async def summed(numbers: list[int], once: set[str] = set(), pair: tuple[int, str] | None = None) -> int:  # noqa: B006
    return sum(numbers) + len(once)


@mcp.tool()
async def counted(words: dict[str, int]) -> dict[str, int]:
    return words


@mcp.tool()
async def either(value: int | str | list[bool] | Point) -> str:
    return type(value).__name__


@mcp.tool()
async def scheduled(day: date, at: datetime | None = None, lasting: timedelta = timedelta(hours=1)) -> date:
    return day


@mcp.tool()
async def identified(key: UUID, price: Decimal = Decimal(1)) -> str:
    return f"{key} {price}"


@mcp.tool()
async def encoded(data: bytes) -> int:
    return len(data)


@mcp.tool()
async def placed(point: Point, options: Options | None = None) -> Point:
    return point


@mcp.tool()
async def anything(value: Any, more: object = None) -> Any:
    return value


@mcp.tool()
async def nothing() -> None:
    """Takes and returns nothing."""


@mcp.tool(structured_output=False)
async def plain(text: str) -> str:
    return text


@mcp.tool(structured_output=False)
async def pictured(size: Annotated[int, Field(ge=0, le=64)] = 1) -> list[Any]:
    return ["a picture", Image(data=bytes(size), format="png")]


@mcp.tool(name="path/with a {name}.of-its own", title="Oddly named")
async def oddly_named(x: int = 0) -> int:
    return x


@mcp.tool()
def choosy(even: int) -> int:
    """Reports an error for odd numbers."""
    if even % 2:
        raise ToolError(f"{even} is odd")
    return even


@mcp.tool()
async def reporting(steps: Annotated[int, Field(ge=0, le=5)], ctx: Context[Any, Any]) -> str:
    for step in range(steps):
        await ctx.report_progress(step, steps)
    return "done"


@mcp.tool()
async def asking(what: str, ctx: Context[Any, Any]) -> str:
    """Asks for consent."""
    answer = await ctx.elicit(f"May I {what}?", Consent)
    return answer.action
