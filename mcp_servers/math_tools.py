"""The tools of the math server: plain functions. The types say what a caller may send and what comes back."""


async def add_tool(a: int | float, b: int | float) -> int | float:
    """Add two numbers. The sum of whole numbers is a whole number."""
    return a + b


async def multiply_tool(a: int | float, b: int | float) -> int | float:
    """Multiply two numbers. The product of whole numbers is a whole number."""
    return a * b
