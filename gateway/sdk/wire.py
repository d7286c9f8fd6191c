"""Native requests and results in the form in which they go on the wire.

Each protocol era and each endpoint adds its own stamps to a result. They are stripped before a result is cached, and
added again for the request that it answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel.server import HandlerEntry
from mcp.server.runner import ServerRunner
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, SERVER_INFO_META_KEY, ErrorData, methods
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from gateway.call import ToolCall
from gateway.sdk.internals import with_session

Context = ServerRequestContext[Any, Any]


def wire(result: HandlerResult | Mapping[str, Any]) -> dict[str, Any]:
    """Returns a handler's result as it goes on the wire; the caller owns the dict if the result was a model."""
    if isinstance(result, BaseModel):
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return cast("dict[str, Any]", result or {})


def handler(server: LowLevelServer[Any], method: str) -> HandlerEntry[Any] | None:
    """Returns what the server does with a request or a notification."""
    return server.get_request_handler(method) or server.get_notification_handler(method)


async def answer(server: LowLevelServer[Any], ctx: Context) -> Mapping[str, Any]:
    """Answers a request that came in at another endpoint with this server's middleware and handler.

    A notification is handled alike, and its answer is empty.
    """
    entry = handler(server, ctx.method)
    if entry is None:
        raise MCPError(METHOD_NOT_FOUND, "Method not found", ctx.method)

    async def handle(ctx: Context) -> HandlerResult:
        result = await entry.handler(ctx, entry.params_type.model_validate(ctx.params or {}, by_name=False))
        if isinstance(result, ErrorData):
            raise MCPError.from_error_data(result)
        if ctx.method == "tools/call" or ctx.request_id is None:
            return result
        # With the server's own cache hints, and checked: the endpoint joins it with what other servers send.
        return strip_server_stamp(server, as_result(server, ctx, result))

    call: CallNext = handle
    for middleware in reversed(server.middleware):
        call = partial(_apply, middleware, call)
    return wire(await call(ctx))


def strip_server_stamp(server: LowLevelServer[Any], result: HandlerResult | Mapping[str, Any]) -> dict[str, Any]:
    """Returns a tool's result as its server made it."""
    bare = dict(wire(result))
    meta = bare.get("_meta")
    if isinstance(meta, Mapping) and meta.get(SERVER_INFO_META_KEY) == server.server_info_stamp:
        bare["_meta"] = {key: value for key, value in meta.items() if key != SERVER_INFO_META_KEY}
        if not bare["_meta"]:
            del bare["_meta"]
    return bare


def unwrapped(content: Sequence[Mapping[str, Any]]) -> Any:
    """Returns the text of a single text block, None for no content, else the blocks."""
    if not content:
        return None
    if len(content) == 1 and content[0].get("type") == "text" and "text" in content[0]:
        return content[0]["text"]
    return content


def encode_success(result: Mapping[str, Any]) -> bytes:
    """Returns a stripped result as JSON; empty if it is not a plain success, or not JSON."""
    return b"" if result.get("isError") else encode_complete(result)


def encode_complete(result: Mapping[str, Any]) -> bytes:
    """Returns a stripped result as JSON; empty if it is neither a plain success nor an error, or not JSON."""
    if "content" not in result or result.get("resultType", "complete") != "complete":
        return b""
    return encode_any(result)


def encode_any(result: Mapping[str, Any]) -> bytes:
    """Returns a stripped result as JSON; empty if it is not JSON."""
    try:
        return to_json(result, inf_nan_mode="null")
    except ValueError:
        return b""


def encode_text_error(text: str) -> bytes:
    """Returns the result of a tool that reports an error."""
    return encode_any({"content": [{"type": "text", "text": text}], "isError": True})


def encode_error(exc: MCPError) -> bytes:
    """Returns a JSON-RPC error in the place of a result."""
    error = {"code": exc.error.code, "message": exc.error.message, "data": exc.error.data}
    return encode_any({"error": error})


def restamp(server: LowLevelServer[Any], ctx: Context, call: ToolCall, encoded: bytes) -> dict[str, Any]:
    """Returns the answer to the request of `call`, as if its tool had run. Raises MCPError if that is one."""
    result: dict[str, Any] = {"resultType": "complete", **from_json(encoded)}
    if [*result] == ["resultType", "error"]:
        raise MCPError(**result["error"])
    if call.via == "aggregate":  # the aggregate endpoint adds its own stamps
        return result
    methods.validate_client_request(ctx.method, ctx.protocol_version, ctx.params)
    return as_result(server, ctx, result)


def as_result(server: LowLevelServer[Any], ctx: Context, result: HandlerResult) -> dict[str, Any]:
    """Returns a result with the stamps that the SDK adds to the answer of this request."""
    return ServerRunner(server, cast("Any", None), None)._serialize(ctx.method, ctx.protocol_version, result)


def noted(ctx: Context, call: ToolCall) -> Context:
    """Returns the same request; questions to its client and progress are noted on `call` and its clock."""
    return with_session(ctx, _NotingSession, call=call)


class _NotingSession(ServerSession):
    call: ToolCall

    async def send_request(self, *arguments: Any, **options: Any) -> Any:
        self.call.asked_client = True
        with self.call.clock.paused() if self.call.clock is not None else nullcontext():
            return await super().send_request(*arguments, **options)

    async def report_progress(self, *arguments: Any, **options: Any) -> None:
        self._progressed()
        await super().report_progress(*arguments, **options)

    async def send_progress_notification(self, *arguments: Any, **options: Any) -> None:
        self._progressed()
        await super().send_progress_notification(*arguments, **options)

    def _progressed(self) -> None:
        if self.call.clock is not None:
            self.call.clock.progressed()


def _apply(middleware: ServerMiddleware[Any], call_next: CallNext, ctx: Context) -> Any:
    return middleware(ctx, call_next)
