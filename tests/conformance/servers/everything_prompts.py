"""The prompts that the suite gets: plain, with arguments, with a resource, with an image, and one that asks back."""

from collections.abc import Callable
from typing import Any

from everything_media import PNG
from everything_rounds import accepted, form
from mcp.server.mcpserver import Context, Image, UserMessage
from mcp.types import EmbeddedResource, InputRequiredResult, TextResourceContents


def test_simple_prompt() -> str:
    """A prompt without arguments"""
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two required arguments"""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803
    """A prompt that carries a resource"""
    text = "Embedded resource content for testing."
    resource = TextResourceContents(uri=resourceUri, mime_type="text/plain", text=text)
    return [
        UserMessage(EmbeddedResource(type="resource", resource=resource)),
        UserMessage("Please process the embedded resource above."),
    ]


def test_prompt_with_image() -> list[UserMessage]:
    """A prompt that carries an image"""
    return [UserMessage(Image(data=PNG, format="png")), UserMessage("Please analyze the image above.")]


async def test_input_required_result_prompt(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """A prompt that asks the user for its context first"""
    context = accepted(ctx, "user_context").get("context")
    if context is None:
        return InputRequiredResult(
            input_requests={"user_context": form("What context should the prompt use?", context="string")}
        )
    return f"Answer with this context in mind: {context}"


PROMPTS: list[Callable[..., Any]] = [
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
    test_input_required_result_prompt,
]
