"""The JSON of a tool's value: the function's return value in the shape that the output schema promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, get_args

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.mcpserver.utilities.types import Audio, Image
from mcp_types import CallToolResult, ContentBlock, InputRequiredResult
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from gateway.call import ToolResult
from gateway.sdk.internals import output_adapter
from gateway.sdk.wire import encode_success, wire

_CONTENT = (*get_args(ContentBlock), Image, Audio)
_RESULTS = (CallToolResult, InputRequiredResult)


class Answer:
    """Turns the values of one tool into results: an object for an object, text for text, content blocks for images."""

    __slots__ = ("_exact", "_metadata", "_serializer", "_validate", "_wrap")

    def __init__(self, metadata: FuncMetadata) -> None:
        self._metadata = metadata
        self._wrap = metadata.wrap_output
        has_schema = metadata.output_model is not None and metadata.output_schema is not None
        adapter = output_adapter(metadata) if has_schema else TypeAdapter(Any)
        self._validate = adapter.validator.validate_python if has_schema else None
        self._serializer = adapter.serializer
        self._exact = _exact_type(metadata) if has_schema else None

    def of(self, value: Any) -> ToolResult:
        """Returns the result of a value that the function returned.

        Raises:
            Exception: the value does not match the tool's output type.
        """
        if type(value) is self._exact:  # valid already, and its JSON is the same without a model around it
            return _wrapped(to_json(value, inf_nan_mode="null"))
        if isinstance(value, _RESULTS):
            result = self.of_wire(wire(self._metadata.convert_result(value)))
            if result.asks is not None:  # a function without `Context` cannot read its state again: it is not sent
                result.asks = {"inputRequests": result.asks.get("inputRequests", {})}
            return result
        if self._validate is None:
            return _wrapped(self._plain(value))
        validated = self._validate({"result": value} if self._wrap else value, by_alias=True, by_name=True)
        # The value's own class serializes it: a subclass keeps its own fields, as over MCP.
        serializer = getattr(type(validated), "__pydantic_serializer__", self._serializer)
        return ToolResult(serializer.to_json(validated, by_alias=True), self._wrap)

    def with_wire(self, value: Any) -> ToolResult:
        """Returns the result with everything MCP would send for it."""
        result = self.of(value)
        with suppress(Exception):  # a value that MCP cannot send is still an answer here
            result.wire = encode_success(wire(self._metadata.convert_result(value)))
        return result

    def of_wire(self, result: Mapping[str, Any]) -> ToolResult:
        """Returns the result of what native MCP would send: its structured content, or else its content."""
        if result.get("resultType") == "input_required":
            asks = {key: result[key] for key in ("inputRequests", "requestState") if key in result}
            return ToolResult(asks=asks, outcome="input-required")
        content = result.get("content", [])
        if result.get("isError"):
            message = "\n".join(block["text"] for block in content if block.get("type") == "text")
            return ToolResult(is_error=True, message=message, outcome="tool-error")
        structured = result.get("structuredContent")
        if structured is not None:
            return ToolResult(to_json(structured, inf_nan_mode="null"), self._wrap and "result" in structured)
        return _wrapped(to_json(_unwrap(content), inf_nan_mode="null"))

    def of_sent(self, value: Any, result: Mapping[str, Any]) -> ToolResult:
        """Returns the result of what MCP would send for `value`: the value itself if no middleware changed it."""
        is_whole = self._validate is not None or value is None or isinstance(value, _RESULTS)
        if is_whole or "structuredContent" in result or "content" not in result:
            return self.of_wire(result)
        if self._content(value) == result["content"]:
            return self.of(value)
        return self.of_wire(result) if isinstance(value, str) else _wrapped(_read_back(result["content"]))

    def _plain(self, value: Any) -> bytes:
        """Returns the JSON of a value without an output schema: its content blocks if it has some, else the value."""
        if _has_content(value):
            return to_json(_unwrap(self._content(value)))
        return to_json(value, fallback=str, inf_nan_mode="null")

    def _content(self, value: Any) -> list[Any]:
        content: list[Any] = wire(self._metadata.convert_result(value))["content"]
        return content


def _exact_type(metadata: FuncMetadata) -> type | None:
    """Returns the output type if pydantic neither checks its values further nor changes them."""
    annotation = metadata.output_model.model_fields["result"] if metadata.wrap_output else None
    if annotation is None or annotation.metadata or annotation.annotation not in (bool, int, float, str):
        return None
    plain: type = annotation.annotation
    return plain


def _read_back(content: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns the JSON of content that the SDK made of a value: one text block holds the value's JSON."""
    sent = _unwrap(content)
    if isinstance(sent, str):
        with suppress(ValueError):
            sent = from_json(sent)
    return to_json(sent, inf_nan_mode="null")


def _wrapped(value: bytes) -> ToolResult:
    return ToolResult(b'{"result":' + value + b"}")


def _unwrap(content: Sequence[Mapping[str, Any]]) -> Any:
    """Returns the text of a single text block, None for no content, else the blocks."""
    if not content:
        return None
    if len(content) == 1 and content[0].get("type") == "text":
        return content[0]["text"]
    return content


def _has_content(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_content(item) for item in value)
    return isinstance(value, _CONTENT)
