"""A tool as it is served: the SDK's own `Tool`, and the plan of its calls, made once when it is first needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dis import opmap
from functools import partial
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
from gateway.sdk.resolvers import resolvers_in
from gateway.tool import ToolInfo

_AWAIT = opmap["SEND"]
Validate = Callable[[dict[str, Any]], dict[str, Any]]


class ServedTool(Tool):
    """The same tool, for every way in: a sync function runs in its server's threads, and a failure is noted.

    Native MCP turns a failure into text before anything else can look at it, so `ToolCall.failure` keeps the exception.
    """

    @classmethod
    def of(cls, tool: Tool, threads: Threads) -> ServedTool:
        """Returns `tool` as served; it must be plain."""
        served = cls.model_construct(**{name: getattr(tool, name) for name in Tool.model_fields})
        if tool.resolved_params:
            served = served.model_copy(update=resolvers_in(tool, threads.run))
        if not tool.is_async:
            served.fn, served.is_async = partial(threads.run, tool.fn), True
        return served

    @staticmethod
    def is_plain(tool: Tool) -> bool:
        """Returns True for the SDK's own class, with no override that a direct call of the function would skip."""
        return type(tool) is Tool and type(tool.fn_metadata) is FuncMetadata

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Runs the tool for the SDK, and notes the value or the failure on the current call."""
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
            call.returned, call.failure = value, None
        return result

    def _convert(self, value: Any) -> Any:
        try:
            return self.fn_metadata.convert_result(value)
        except Exception as exc:  # the SDK's own boundary: a value that cannot be converted is a crash of the tool
            raise UnexpectedToolError(f"Error executing tool {self.name}") from exc


class Plan:
    """How to run one tool: the `Entry` of a local server."""

    __slots__ = ("__weakref__", "_answer", "_function", "_validate", "direct", "info", "name", "tool", "waits")

    def __init__(self, tool: Tool, has_hooks: bool = False) -> None:
        """Plans the calls of `tool`. `has_hooks` is true if the server's author put something around its calls."""
        self.tool = tool
        self.name = tool.name
        self.info = _info(tool)
        self.direct = isinstance(tool, ServedTool) and tool.context_kwarg is None and not tool.resolved_params
        self._function = tool.fn
        self.waits = has_hooks or not self.direct or _may_wait(tool.fn)
        # Both are made at the first call: a router with thousands of tools starts without them.
        self._answer: Answer | None = None
        self._validate: Validate | None = None

    @property
    def answer(self) -> Answer:
        if self._answer is None:
            self._answer = Answer(self.tool.fn_metadata)
        return self._answer

    async def call(self, call: ToolCall) -> ToolResult:
        """Validates the arguments, calls the function and converts its value, as `Tool.run` does.

        Raises:
            InvalidArguments, ToolCrashed
        """
        validate = self._validate
        if validate is None:
            validate = self._validate = _validator(self.tool.fn_metadata)
        answer = self._answer or self.answer
        try:
            keywords = validate(call.arguments)
        except ValidationError as exc:
            raise InvalidArguments(argument_errors(exc)) from exc
        except (Exception, SystemExit) as exc:  # the tool's own validator may raise anything
            raise crashed(self.tool.name, exc) from exc
        try:
            value = await self._function(**keywords)
            return answer.with_wire(value) if call.wants_wire else answer.of(value)
        except (ToolError, ResourceError) as exc:
            if isinstance(exc, CRASHES):
                raise crashed(self.tool.name, exc) from exc
            return ToolResult(is_error=True, message=str(exc), outcome="tool-error")
        except MCPError as exc:
            return ToolResult(is_error=True, message=exc.error.message, outcome="tool-error")
        except (Exception, SystemExit) as exc:  # the tool's boundary: the exception stays in the log
            raise crashed(self.tool.name, exc) from exc


def _may_wait(function: Callable[..., Any]) -> bool:
    """Returns False for an `async def` that has no `await`, `async for` or `async with`."""
    return not (inspect.isfunction(function) and _AWAIT not in function.__code__.co_code[::2])


def _validator(metadata: FuncMetadata) -> Validate:
    """Returns the validation of `FuncMetadata.validate_arguments`, in one step if possible.

    The SDK's two further steps are for JSON inside a string, which only a field that is not text accepts, and for
    fields with an alias.
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
