"""A tool for every kind of content that a function can build."""

# mypy: disable-error-code="no-untyped-def"

from collections.abc import Callable
from typing import Annotated, Any

from kinds_ran import ran
from kinds_values import Person
from mcp.server.mcpserver import Audio, Image
from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

PIXEL = b"\x89PNG"


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


async def image() -> Image:
    ran("image")
    return Image(data=PIXEL, format="png")


def audio() -> Audio:
    ran("audio")
    return Audio(data=b"RIFF", format="wav")


async def mixed() -> list[str | Image | TextContent]:
    ran("mixed")
    return ["text", Image(data=PIXEL, format="png"), _text("block")]


async def mixed_unannotated():
    ran("mixed_unannotated")
    return [{"a": 1}, [Image(data=PIXEL, format="png")]]


async def text_block() -> TextContent:
    ran("text_block")
    return _text("block")


async def link() -> ContentBlock:
    ran("link")
    return ResourceLink(type="resource_link", uri="file:///a", name="a")


async def own_result() -> CallToolResult:
    ran("own_result")
    return CallToolResult(content=[_text("own")])


async def own_blocks() -> CallToolResult:
    ran("own_blocks")
    return CallToolResult(content=[_text("own"), ImageContent(type="image", data="AA==", mime_type="image/png")])


async def own_empty() -> CallToolResult:
    ran("own_empty")
    return CallToolResult(content=[])


async def own_structured() -> CallToolResult:
    ran("own_structured")
    return CallToolResult(content=[_text("for the model")], structured_content={"a": 1})


async def own_typed() -> Annotated[CallToolResult, Person]:
    ran("own_typed")
    return CallToolResult(content=[_text("Ada")], structured_content={"fullName": "Ada", "born": None})


CONTENT: list[Callable[..., Any]] = [
    *(image, audio, mixed, mixed_unannotated, text_block, link),
    *(own_result, own_blocks, own_empty, own_structured, own_typed),
]
