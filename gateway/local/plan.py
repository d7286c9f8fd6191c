"""A tool as it is served: the SDK's own `Tool`, with what every call needs decided once, when it is first seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ResourceError, ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from gateway.call import ToolCall, ToolResult, current_call
from gateway.errors import InvalidArguments
from gateway.local.answer import Answer
from gateway.local.crashes import CRASHES, argument_errors, crashed
from gateway.local.threads import Threads
from gateway.server import ToolInfo

Validate = Callable[[dict[str, Any]], dict[str, Any]]


class ServedTool(Tool):
    """The same tool, for every way in: a sync function runs in its server's threads, and a failure is noted.

    Native MCP turns a failure into text before anything can look at it; `ToolCall.failure` keeps what it was.
    """

    @classmethod
    def of(cls, tool: Tool, threads: Threads) -> ServedTool:
        """`tool`, served. One that is not `plain` is to be left as it is."""
        served = cls.model_construct(**{name: getattr(tool, name) for name in Tool.model_fields})
        if not tool.is_async:
            served.fn, served.is_async = _threaded(tool.fn, threads), True
        return served

    @staticmethod
    def plain(tool: Tool) -> bool:
        """Whether `tool` is the SDK's own, with nothing overridden that a call of the function would pass by."""
        return type(tool) is Tool and type(tool.fn_metadata) is FuncMetadata

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """As the SDK calls it, with the value or the failure noted on the call on its way."""
        call = current_call.get()
        try:
            value = await super().run(arguments, context)
            result = self._convert(value) if convert_result else value
        except SystemExit as exc:
            raise UnexpectedToolError(f"Error executing tool {self.name}") from exc
        except ToolError as exc:
            if call is not None:
                call.failure = exc
            raise
        if call is not None:
            call.value, call.failure = value, None
        return result

    def _convert(self, value: Any) -> Any:
        try:
            return self.fn_metadata.convert_result(value)
        except Exception as exc:  # the SDK's own boundary: what cannot be converted is a crash of the tool
            raise UnexpectedToolError(f"Error executing tool {self.name}") from exc


class Plan:
    """How a call of `tool` goes. `direct` means by its function alone, without what only `Context` needs."""

    __slots__ = ("__weakref__", "_function", "_validate", "answer", "direct", "info", "tool")

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.info = _info(tool)
        self.answer = Answer(tool.fn_metadata)
        self.direct = isinstance(tool, ServedTool) and tool.context_kwarg is None and not tool.resolved_params
        self._function = tool.fn
        self._validate = _validator(tool.fn_metadata)

    async def call(self, call: ToolCall) -> ToolResult:
        """Validate, call the function, convert: what `Tool.run` does.

        Raises:
            InvalidArguments, ToolCrashed
        """
        try:
            keywords = self._validate(call.arguments)
        except ValidationError as exc:
            raise InvalidArguments(argument_errors(exc)) from exc
        except (Exception, SystemExit) as exc:  # a validator of the tool's own that crashed
            raise crashed(self.tool.name, exc) from exc
        try:
            value = await self._function(**keywords)
            return self.answer.whole(value) if call.whole else self.answer.of(value)
        except (ToolError, ResourceError) as exc:
            if isinstance(exc, CRASHES):
                raise crashed(self.tool.name, exc) from exc
            return ToolResult(is_error=True, message=str(exc), outcome="tool-error")
        except MCPError as exc:
            return ToolResult(is_error=True, message=exc.error.message, outcome="tool-error")
        except (Exception, SystemExit) as exc:  # the tool's boundary: whatever it raises stays in the log
            raise crashed(self.tool.name, exc) from exc


def _threaded(function: Callable[..., Any], threads: Threads) -> Callable[..., Awaitable[Any]]:
    async def threaded(**keywords: Any) -> Any:
        return await threads.run(function, keywords)

    return threaded


def _validator(metadata: FuncMetadata) -> Validate:
    """The arguments' validation as `FuncMetadata.validate_arguments` does it, in one step where it can be.

    The SDK's two further steps are for JSON inside a string, which only a field that is not text can be
    given, and for fields whose name differs from the argument's.
    """
    fields = metadata.arg_model.model_fields
    if any(field.alias for field in fields.values()):
        return metadata.validate_arguments
    not_text = [name for name, field in fields.items() if field.annotation is not str]
    validate = metadata.arg_model.__pydantic_validator__.validate_python

    def validator(arguments: dict[str, Any]) -> dict[str, Any]:
        for name in not_text:
            if type(arguments.get(name)) is str:
                return metadata.validate_arguments(arguments)
        keywords: dict[str, Any] = validate(arguments).__dict__
        return keywords

    return validator


def _info(tool: Tool) -> ToolInfo:
    fields: dict[str, Any] = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.parameters,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations and tool.annotations.model_dump(by_alias=True, exclude_none=True),
        "icons": tool.icons and [icon.model_dump(by_alias=True, exclude_none=True) for icon in tool.icons],
        "_meta": tool.meta,
    }
    return cast("ToolInfo", {key: value for key, value in fields.items() if value is not None})
