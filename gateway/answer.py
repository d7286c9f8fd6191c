"""What a tool's value is as JSON: what the function returned, in the shape that its output schema promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.mcpserver.utilities.types import Audio, Image
from mcp_types import CallToolResult, ContentBlock, InputRequiredResult
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from gateway import sdk
from gateway.call import ToolResult

_CONTENT = (*get_args(ContentBlock), Image, Audio)


_RESULTS = (CallToolResult, InputRequiredResult)


class Answer:
    """Turns the values of one tool into results: an object for an object, text for text, blocks for images."""

    __slots__ = ("_metadata", "_serializer", "_validate", "_wrap")

    def __init__(self, metadata: FuncMetadata) -> None:
        self._metadata = metadata
        self._wrap = metadata.wrap_output
        has_schema = metadata.output_model is not None and metadata.output_schema is not None
        adapter = sdk.output_adapter(metadata) if has_schema else TypeAdapter(Any)
        self._validate = adapter.validator.validate_python if has_schema else None
        self._serializer = adapter.serializer

    def of(self, value: Any) -> ToolResult:
        """The result of a value as the function returned it.

        Raises:
            Exception: the value is not what the tool's output type says.
        """
        if isinstance(value, _RESULTS):
            return self.of_result(self._metadata.convert_result(value))
        if self._validate is None:
            return _wrapped(self._plain(value))
        validated = self._validate({"result": value} if self._wrap else value, by_alias=True, by_name=True)
        # By the value's own class: a subclass keeps its own fields, as over MCP.
        serializer = getattr(type(validated), "__pydantic_serializer__", self._serializer)
        return ToolResult(serializer.to_json(validated, by_alias=True), self._wrap)

    def of_result(self, result: CallToolResult | InputRequiredResult) -> ToolResult:
        return self.of_wire(result.model_dump(by_alias=True, mode="json", exclude_none=True))

    def of_wire(self, result: Mapping[str, Any]) -> ToolResult:
        """The result of what native MCP would send: structured content if there is any, else its content."""
        if result.get("resultType") == "input_required":
            asks = {key: result[key] for key in ("inputRequests", "requestState") if key in result}
            return ToolResult(asks=asks, outcome="input-required")
        content = result.get("content", [])
        if result.get("isError"):
            message = "\n".join(block["text"] for block in content if block.get("type") == "text")
            return ToolResult(is_error=True, message=message, outcome="tool-error")
        structured = result.get("structuredContent")
        if structured is not None:
            return ToolResult(to_json(structured, inf_nan_mode="null"), self._wrap)
        return _wrapped(to_json(_unwrap(content), inf_nan_mode="null"))

    def _plain(self, value: Any) -> bytes:
        """Without an output schema: content blocks where there are some, else what the function returned."""
        if _has_content(value):
            content = self._metadata.convert_result(value)
            assert isinstance(content, CallToolResult)
            blocks = [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in content.content]
            return to_json(_unwrap(blocks))
        return to_json(value, fallback=str, inf_nan_mode="null")


def text_as_json(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """For a value that is not text: its one text block is the SDK's JSON of it, read back."""
    content = result.get("content", [])
    if result.get("structuredContent") is None and len(content) == 1 and content[0].get("type") == "text":
        return {**result, "structuredContent": from_json(content[0]["text"])}
    return result


def _wrapped(value: bytes) -> ToolResult:
    return ToolResult(b'{"result":' + value + b"}")


def _unwrap(content: Sequence[Mapping[str, Any]]) -> Any:
    """Text for a single text block, nothing for no content, else the blocks."""
    if not content:
        return None
    if len(content) == 1 and content[0].get("type") == "text":
        return content[0]["text"]
    return content


def _has_content(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_content(item) for item in value)
    return isinstance(value, _CONTENT)
