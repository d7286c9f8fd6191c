"""Tools that do not ask the client: every kind of content, errors, log messages, progress, headers, change events."""

from collections.abc import Callable
from itertools import count
from typing import Annotated, Any, Literal

import anyio
from everything_media import PNG, WAV
from mcp.server.mcpserver import Audio, Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import EmbeddedResource, TextResourceContents
from pydantic import Field

SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


async def test_simple_text() -> str:
    """Returns a text"""
    return "This is a simple text response for testing."


async def test_image_content() -> Image:
    """Returns an image"""
    return Image(data=PNG, format="png")


async def test_audio_content() -> Audio:
    """Returns a sound"""
    return Audio(data=WAV, format="wav")


async def test_embedded_resource() -> EmbeddedResource:
    """Returns a resource"""
    return _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")


async def test_multiple_content_types() -> list[str | Image | EmbeddedResource]:
    """Returns a text, an image and a resource"""
    data = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return ["Multiple content types test:", Image(data=PNG, format="png"), data]


async def test_error_handling() -> str:
    """Always fails"""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_logging(ctx: Context[Any, Any]) -> str:
    """Sends three log messages"""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)
        await anyio.sleep(0.05)
    return "Tool with logging executed successfully"


async def test_logging_tool(ctx: Context[Any, Any]) -> str:
    """Sends one log message, which a modern client receives only if it asked for it"""
    await ctx.info("Logging tool called")
    return "Logged"


async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
    """Reports progress three times"""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await anyio.sleep(0.05)
    return "Progress reported"


async def test_reconnection(ctx: Context[Any, Any]) -> str:
    """Closes its stream in the middle of the call, so that the client must come back for the answer"""
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return "Reconnection test completed"


async def test_custom_headers(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Takes an argument that a modern client repeats in a header"""
    return region


changes = count(1)


async def changed() -> str:
    """Changed 0 times"""
    return "Called"


async def test_trigger_tool_change(ctx: Context[Any, Any]) -> str:
    """Changes a tool, and tells the listeners"""
    ctx.mcp_server.remove_tool("changed")
    ctx.mcp_server.add_tool(changed, description=f"Changed {next(changes)} times")
    await ctx.notify_tools_changed()
    return "Told"


async def test_trigger_prompt_change(ctx: Context[Any, Any]) -> str:
    """Tells the listeners that the prompts changed"""
    await ctx.notify_prompts_changed()
    return "Told"


async def json_schema_2020_12_tool(
    name: str = "",
    address: dict[str, str] | None = None,
    contactMethod: Literal["phone", "email"] | None = None,  # noqa: N803
    phone: str | None = None,
    email: str | None = None,
) -> str:
    """Tool with JSON Schema 2020-12 features"""
    return f"{name}: {phone or email}"


# The first tool is the one that the suite calls without arguments to see which headers are accepted.
TOOLS: list[Callable[..., Any]] = [
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
    test_reconnection,
    test_custom_headers,
    changed,
    test_trigger_tool_change,
    test_trigger_prompt_change,
]
