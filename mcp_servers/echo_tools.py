"""The tools of the echo server: plain functions. An agent reads the docstring to know what a tool does."""


async def echo_tool(message: str) -> str:
    """Say the message back, unchanged."""
    return message


async def reverse_tool(text: str) -> str:
    """Turn the text around, so that its last character comes first."""
    return text[::-1]
