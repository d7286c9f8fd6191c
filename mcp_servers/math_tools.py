"""The tools of the math server: plain functions. The types say what a caller may send and what comes back."""

from typing import Annotated

from pydantic import Field

# Bounded, so that every sum and product is a number that JSON can carry.
Whole = Annotated[int, Field(ge=-(10**18), le=10**18)]
Number = Whole | Annotated[float, Field(ge=-1e150, le=1e150)]


async def add_tool(a: Number, b: Number) -> int | float:
    """Add two numbers. The sum of whole numbers is a whole number."""
    return a + b


async def multiply_tool(a: Number, b: Number) -> int | float:
    """Multiply two numbers. The product of whole numbers is a whole number."""
    return a * b
