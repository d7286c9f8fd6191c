"""The boundary around everything that a server's author wrote, for each message of the SDK's machinery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import ErrorData
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from gateway.call import current_call, endpoint
from gateway.cancellation import was_requested
from gateway.errors import ToolCrashed
from gateway.local.crashes import crashed, log_crash, unsendable
from gateway.local.requests import client_error
from gateway.sdk import wire
from gateway.sdk.native import CALL, protocol_error
from gateway.sdk.proved import with_proved_channels
from gateway.sendable import Unsendable, check_size, encode, prove

Context = ServerRequestContext[Any, Any]


class Boundary:
    """An SDK middleware, outside of the author's own and inside of ours.

    Whatever a handler raises ends its own request alone, and a result is proved to be JSON before anything of it is
    sent. The structured content of a result, or else its content, has at most `max_result` bytes. `has_hooks` is true
    if the author put something around the calls.
    """

    def __init__(self, server: LowLevelServer[Any], max_result: int, has_hooks: bool) -> None:
        self._server = server
        self._max_result = max_result
        self._has_hooks = has_hooks

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        try:
            result = await call_next(ctx if self._is_silent() else with_proved_channels(ctx, self._max_result))
            if isinstance(result, ErrorData):
                raise MCPError.from_error_data(result)
            sent = wire.wire(result)
            self._prove(sent)
            return sent
        except MCPError as exc:
            return self._reported(ctx, exc)
        except ValidationError:
            raise
        except (Unsendable, PydanticSerializationError) as exc:
            return self._unsendable(ctx, exc)
        except BaseException as exc:  # the author's boundary: the exception stays in the log
            if was_requested(exc):
                raise
            return self._crashed(ctx, exc)

    def _is_silent(self) -> bool:
        """Returns True for the call of a function that cannot report or ask, with nothing of the author's around it."""
        call = current_call.get()
        return call is not None and call.entry is not None and call.entry.direct and not self._has_hooks

    def _prove(self, result: Mapping[str, Any]) -> None:
        size = prove(result, self._max_result)
        if size > self._max_result and "content" in result:  # it may have the value twice: as text, and structured
            value = result.get("structuredContent")
            size = len(encode(result["content"] if value is None else value))
        check_size(size, self._max_result)

    def _reported(self, ctx: Context, exc: MCPError) -> HandlerResult:
        try:
            encode([exc.error.message, exc.error.data])
        except Unsendable as unsent:
            return self._unsendable(ctx, unsent)
        raise exc

    def _unsendable(self, ctx: Context, exc: Exception) -> HandlerResult:
        """Returns the result that the SDK makes of a crashed tool."""
        if ctx.method != CALL:
            return self._crashed(ctx, exc)
        failure = unsendable(_name(ctx), exc)
        call = current_call.get()
        if call is not None:
            call.failure = failure
        content = [{"type": "text", "text": str(failure)}]
        result = {"resultType": "complete", "content": content, "isError": True}
        # The aggregate endpoint adds its own stamps.
        return result if endpoint.get() == "aggregate" else wire.as_result(self._server, ctx, result)

    def _crashed(self, ctx: Context, exc: BaseException) -> HandlerResult:
        if ctx.method == CALL:
            raise crashed(_name(ctx), exc) from exc
        refused = client_error(ctx.method, exc)
        if refused is not None:
            raise refused from exc
        log_crash(_name(ctx), exc, ctx.method)
        if ctx.request_id is None:
            return None
        raise protocol_error(
            ToolCrashed("The server failed unexpectedly. The log has the reason under the request id.")
        )


def _name(ctx: Context) -> str:
    params, call = ctx.params or {}, current_call.get()
    if call is not None and ctx.method == CALL:  # a version of a tool has another name in the SDK's table
        return call.tool
    return str(params.get("name") or params.get("uri") or "")
