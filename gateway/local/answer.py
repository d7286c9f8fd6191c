"""The JSON of a tool's value: the function's return value in the shape that the output schema promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, get_args

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.mcpserver.utilities.types import Audio, Image
from mcp_types import CallToolResult, ContentBlock, InputRequiredResult
from pydantic import TypeAdapter
from pydantic_core import from_json

from gateway.call import ToolResult
from gateway.local.crashes import check_awaited
from gateway.sdk.internals import output_adapter
from gateway.sdk.tasks import TASK
from gateway.sdk.wire import encode_any, encode_success, unwrapped, wire
from gateway.sendable import Unsendable, check_numbers, check_size, encode, encode_scalar, prove

_CONTENT = (*get_args(ContentBlock), Image, Audio)
TOO_DEEP = "it is circular, or nested too deeply"
_RESULTS = (CallToolResult, InputRequiredResult)


class Answer:
    """Turns the values of one tool into results: an object for an object, text for text, content blocks for images.

    The JSON of a result has at most `max_bytes`.
    """

    __slots__ = ("_exact", "_max_bytes", "_metadata", "_serializer", "_validate", "_wrap")

    def __init__(self, metadata: FuncMetadata, max_bytes: int) -> None:
        self._metadata = metadata
        self._max_bytes = max_bytes
        self._wrap = metadata.wrap_output
        has_schema = metadata.output_model is not None and metadata.output_schema is not None
        adapter = output_adapter(metadata) if has_schema else TypeAdapter(Any)
        self._validate = adapter.validator.validate_python if has_schema else None
        self._serializer = adapter.serializer
        self._exact = _exact_type(metadata) if has_schema else None

    def of(self, value: Any) -> ToolResult:
        """Returns the result of a value that the function returned.

        Raises:
            Unsendable: JSON cannot carry the value.
            Exception: the value does not match the tool's output type.
        """
        if type(value) is self._exact:  # valid already, and its JSON is the same without a model around it
            result = _wrapped(encode_scalar(value))
        else:
            try:
                result = self._of_any(value)
            except RecursionError:
                raise Unsendable(TOO_DEEP) from None  # the traceback would have two thousand lines
        if len(result.body) > self._max_bytes:
            check_size(len(result.body), self._max_bytes)
        return result

    def _of_any(self, value: Any) -> ToolResult:
        check_awaited(value)
        if isinstance(value, _RESULTS):
            converted = self._metadata.convert_result(value)
            check_numbers_of(converted)
            result = self.of_wire(wire(converted))
            if result.asks is not None:  # a function without `Context` cannot read its state again: it is not sent
                result.asks = {"inputRequests": result.asks.get("inputRequests", {})}
            encode([result.message, result.asks])
            return result
        if self._validate is None:
            return _wrapped(self._plain(value))
        validated = self._validate({"result": value} if self._wrap else value, by_alias=True, by_name=True)
        # The value's own class serializes it: a subclass keeps its own fields, as over MCP.
        serializer = getattr(type(validated), "__pydantic_serializer__", self._serializer)
        body = serializer.to_json(validated, by_alias=True)
        if b"null" in body:  # pydantic writes NaN as null, which does not match the tool's schema
            encode(serializer.to_python(validated, mode="json", by_alias=True))
        check_numbers(body)
        return ToolResult(body, self._wrap)

    def check_plain(self, value: Any) -> None:
        """Refuses a value of a tool without an output schema that JSON cannot carry: MCP sends its text alone.

        Raises:
            Unsendable
        """
        check_awaited(value)
        if self._validate is None and not isinstance(value, (str, *_CONTENT, *_RESULTS)) and value is not None:
            self._plain(value)

    def with_wire(self, value: Any, is_record: bool = False) -> ToolResult:
        """Returns the result with everything MCP would send for it; for a record also if it is no success."""
        result = self.of(value)
        with suppress(Exception):  # a value that MCP cannot send is still an answer here
            sent = wire(self._metadata.convert_result(value))
            result.wire = encode_any(sent) if is_record else encode_success(sent)
        return result

    def of_wire(self, result: Mapping[str, Any]) -> ToolResult:
        """Returns the result of what native MCP would send: its structured content, or else its content."""
        kind = result.get("resultType")
        if kind == TASK:
            return ToolResult(asks=result, outcome=TASK)
        if kind == "input_required":
            asks = {key: result[key] for key in ("inputRequests", "requestState") if key in result}
            return ToolResult(asks=asks, outcome="input-required")
        content = result.get("content", [])
        if result.get("isError"):
            message = "\n".join(block["text"] for block in content if block.get("type") == "text")
            return ToolResult(is_error=True, message=message, outcome="tool-error")
        structured = result.get("structuredContent")
        if structured is not None:
            return ToolResult(encode(structured), self._wrap and "result" in structured)
        return _wrapped(encode(unwrapped(content)))

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
            return encode(unwrapped(self._content(value)))
        return encode(value)

    def _content(self, value: Any) -> list[Any]:
        content: list[Any] = wire(self._metadata.convert_result(value))["content"]
        return content


def check_numbers_of(result: CallToolResult | InputRequiredResult) -> None:
    """Refuses structured content with a number that JSON cannot carry: the SDK would make it null.

    Raises:
        Unsendable
    """
    if isinstance(result, InputRequiredResult):
        return
    prove(result.meta)
    prove(result.structured_content)


def _exact_type(metadata: FuncMetadata) -> type | None:
    """Returns the output type if pydantic neither checks its values further nor changes them."""
    annotation = metadata.output_model.model_fields["result"] if metadata.wrap_output else None
    if annotation is None or annotation.metadata or annotation.annotation not in (bool, int, float, str):
        return None
    plain: type = annotation.annotation
    return plain


def _read_back(content: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns the JSON of content that the SDK made of a value: one text block holds the value's JSON."""
    sent = unwrapped(content)
    if isinstance(sent, str):
        with suppress(ValueError):
            sent = from_json(sent)
    return encode(sent)


def _wrapped(value: bytes) -> ToolResult:
    return ToolResult(b'{"result":' + value + b"}")


def _has_content(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_content(item) for item in value)
    return isinstance(value, _CONTENT)
