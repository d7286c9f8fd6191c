"""A tool as it is served: the SDK's own `Tool`, with the boundary around what its author wrote."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from pydantic import PrivateAttr
from pydantic_core import PydanticSerializationError

from gateway.call import current_call
from gateway.cancellation import was_requested
from gateway.local.answer import TOO_DEEP, Answer, check_numbers_of
from gateway.local.crashes import unsendable
from gateway.local.threads import Threads
from gateway.sdk.resolvers import resolvers_in
from gateway.sendable import Unsendable


class ServedTool(Tool):
    """The same tool, for every way in: a sync function runs in its server's threads, and a failure is noted.

    Native MCP turns a failure into text before anything else can look at it, so `ToolCall.failure` keeps the exception.
    """

    _max_result: int = PrivateAttr(default=0)

    @cached_property
    def answer(self) -> Answer:
        return Answer(self.fn_metadata, self._max_result)

    @classmethod
    def of(cls, tool: Tool, threads: Threads, max_result: int) -> ServedTool:
        """Returns `tool` as served; it must be plain."""
        served = cls.model_construct(**{name: getattr(tool, name) for name in Tool.model_fields})
        if tool.resolved_params:
            served = served.model_copy(update=resolvers_in(tool, threads.run))
        served._max_result = max_result
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
            value = await self._run(arguments, context)
            result = self._convert(value) if convert_result else value
        except ToolError as exc:
            if call is not None:
                call.failure = exc
            raise
        if call is not None:
            call.returned, call.failure = value, None
        return result

    async def _run(self, arguments: dict[str, Any], context: Context[Any, Any]) -> Any:
        """Runs the function. The SDK turns every `Exception` into a `ToolError`; here all others become one too."""
        try:
            return await super().run(arguments, context)
        except ToolError as exc:
            if isinstance(exc.__cause__, Unsendable):  # a report or a question of the tool
                raise unsendable(self.name, exc.__cause__) from exc
            raise
        except MCPError:
            raise
        except BaseException as exc:  # the tool's boundary: what the SDK's own lets through
            if was_requested(exc):
                raise
            raise UnexpectedToolError(f"Error executing tool {self.name}") from exc

    def _convert(self, value: Any) -> Any:
        try:
            self.answer.check_plain(value)
            result = self.fn_metadata.convert_result(value)
            check_numbers_of(result)
            return result
        except RecursionError:
            raise unsendable(self.name, Unsendable(TOO_DEEP)) from None
        except (Unsendable, PydanticSerializationError) as exc:
            raise unsendable(self.name, exc) from exc
        except BaseException as exc:  # a value that cannot be converted is a crash of the tool, as for the SDK itself
            if was_requested(exc):
                raise
            raise UnexpectedToolError(f"Error executing tool {self.name}") from exc
