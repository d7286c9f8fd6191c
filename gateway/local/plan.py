"""The plan of the direct calls of one tool, made once when it is first needed."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable
from dis import opmap
from functools import partial
from typing import Any, cast, get_type_hints

from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from gateway.argument_names import has_unsafe_names
from gateway.call import ToolCall, ToolResult
from gateway.errors import GatewayError, InvalidArguments
from gateway.local.answer import Answer
from gateway.local.crashes import CRASHES, argument_errors, crashed
from gateway.local.served_tool import ServedTool
from gateway.sdk.wire import encode_error, encode_text_error
from gateway.sendable import Unsendable, encode
from gateway.tool import ToolInfo, Versions, says_repeatable

logger = logging.getLogger(__name__)
_AWAIT = opmap["SEND"]
Validate = Callable[[dict[str, Any]], dict[str, Any]]


class Plan:
    """How to run one tool: the `Entry` of a local server. `own_name` is its name in the SDK's table."""

    stops = False
    __slots__ = (
        *("__weakref__", "_answer", "_asks", "_function", "_has_hooks", "_has_unsafe_names"),
        *("_max_result", "_validate", "direct", "info", "name", "own_name", "tool", "version", "versions", "waits"),
    )

    def __init__(self, tool: Tool, max_result: int, has_hooks: bool = False) -> None:
        """Plans the calls of `tool`. `has_hooks` is true if the server's author put something around its calls."""
        self.tool = tool
        self.name = self.own_name = tool.name
        self.version = ""
        self.versions: Versions | None = None
        self.info = _info(tool)
        self.direct = isinstance(tool, ServedTool) and tool.context_kwarg is None and not tool.resolved_params
        self._max_result = max_result
        self._has_hooks = has_hooks
        self._function = tool.fn
        self.waits = has_hooks or not self.direct or _may_wait(tool.fn)
        # All are made at the first call: a router with thousands of tools starts without them.
        self._answer: Answer | None = None
        self._validate: Validate | None = None
        self._has_unsafe_names: bool | None = None
        self._asks: bool | None = None

    @property
    def has_unsafe_names(self) -> bool:
        if self._has_unsafe_names is None:
            self._has_unsafe_names = has_unsafe_names(self.info["inputSchema"])
        return self._has_unsafe_names

    @property
    def may_repeat(self) -> bool:
        return says_repeatable(self.info)

    @property
    def asks(self) -> bool:
        """True if the function's return type says so, or if other code than the function may ask."""
        if self._asks is None:
            self._asks = self._has_hooks or not self.direct or "InputRequiredResult" in _return_type(self._function)
        return self._asks

    @property
    def answer(self) -> Answer:
        if self._answer is None:
            tool = self.tool
            self._answer = tool.answer if isinstance(tool, ServedTool) else Answer(tool.fn_metadata, self._max_result)
        return self._answer

    async def call(self, call: ToolCall) -> ToolResult:
        """Validates the arguments, calls the function and converts its value, as `Tool.run` does.

        Raises:
            InvalidArguments, ToolCrashed
        """
        try:
            validate = self._validate
            if validate is None:
                validate = self._validate = _validator(self.tool.fn_metadata)
            keywords = validate(call.arguments)
        except ValidationError as exc:
            raise self._invalid(exc) from exc
        except BaseException as exc:  # the tool's own validator may raise anything
            raise crashed(self.name, exc) from exc
        try:
            value = await self._function(**keywords)
            answer = self._answer or self.answer
            return answer.with_wire(value, call.wants_record) if call.wants_wire else answer.of(value)
        except (ToolError, ResourceError, MCPError) as exc:
            return self._error(exc)
        except BaseException as exc:  # the tool's boundary: the exception stays in the log
            raise crashed(self.name, exc) from exc

    def _invalid(self, exc: ValidationError) -> GatewayError:
        try:
            return InvalidArguments(argument_errors(exc))
        except Unsendable as unsent:
            return crashed(self.name, unsent)

    def _error(self, exc: ToolError | ResourceError | MCPError) -> ToolResult:
        """Returns the result of an error that the tool reports. Raises ToolCrashed if it is a crash."""
        if isinstance(exc, CRASHES):
            raise crashed(self.name, exc) from exc
        if isinstance(exc, MCPError):
            message, encoded = exc.error.message, encode_error(exc)
        else:
            message = str(exc)
            encoded = encode_text_error(f"Error executing tool {self.name}: {message}")
        try:
            encode(message)
        except Unsendable as unsent:
            raise crashed(self.name, unsent) from exc
        return ToolResult(is_error=True, message=message, outcome="tool-error", wire=encoded)


def _return_type(function: Callable[..., Any]) -> str:
    """Returns the annotation as text: one that cannot be evaluated is only text."""
    own = function.args[0] if isinstance(function, partial) else function  # one that runs in a thread
    try:
        return str(get_type_hints(own).get("return"))
    except Exception:  # evaluating the annotations of the tool's author may raise anything
        return str(getattr(own, "__annotations__", {}).get("return"))


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
    return _sendable({key: value for key, value in fields.items() if value is not None})


def _sendable(info: dict[str, Any]) -> ToolInfo:
    """Returns the description of a tool as JSON can carry it. One that it cannot carry would end a client's session."""
    try:
        encode(info)
    except Unsendable as exc:
        logger.warning("the description of tool %r cannot be sent, and is changed: %s", info["name"], exc)
        text = json.dumps(to_jsonable_python(info, inf_nan_mode="strings", fallback=str), ensure_ascii=False)
        info = json.loads(text.encode(errors="replace"))
    return cast("ToolInfo", info)
