"""FastMCP 4 (the package `fastmcp`), which rests on the SDK's low-level server. Its package is never imported here."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from anyio import to_thread
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver.exceptions import UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_HANDSHAKE_VERSION

from gateway.call import current_call
from gateway.errors import ToolCrashed
from gateway.local.crashes import unsendable
from gateway.local.threads import Threads
from gateway.sdk.adopted import LowLevelTools
from gateway.sdk.internals import request_channel
from gateway.sdk.native import CALL, protocol_error
from gateway.sendable import Unsendable

_WRAPPED = ("Error calling tool ", "Error reading resource ", "Error rendering prompt ")
_UNSENDABLE = "Could not serialize the return value of tool "
"""The beginnings of the texts in which FastMCP puts the text of an exception that is none of its own."""
Context = ServerRequestContext[Any, Any]
_threads: ContextVar[Threads | None] = ContextVar("_threads", default=None)
_json_call: ContextVar[Context | None] = ContextVar("_json_call", default=None)
"""The request of a call in JSON, whose tool can ask its caller in mid-call as in a legacy session."""


class FastMCPTools(LowLevelTools):
    """A FastMCP under the router's rules: no text of a crash goes out, and its log and threads are the router's."""

    def __init__(self, mcp: Any) -> None:
        super().__init__(mcp._mcp_server)
        self._fastmcp = mcp  # FastMCP's own server refers to it weakly
        self.settings.auth = mcp.auth  # it is refused, as that of an `MCPServer`

    def inside(self, threads: Threads) -> ServerMiddleware[Any]:
        """Prepares the server, and returns the middleware that makes its sync functions run in `threads`."""
        self._fastmcp.add_middleware(_note_failure)
        _log_as_the_router()
        _use_the_servers_threads()

        async def set_variables(ctx: Context, call_next: CallNext) -> HandlerResult:
            is_json = request_channel(ctx).transport.kind == "json"
            tokens = _threads.set(threads), _json_call.set(ctx if is_json else None)
            try:
                return await call_next(ctx)
            finally:
                _threads.reset(tokens[0])
                _json_call.reset(tokens[1])

        return set_variables


async def _note_failure(context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
    """A middleware of FastMCP, inside of the author's. Notes a failure on the current call, and hides a crash."""
    call = current_call.get()
    try:
        with _askable():
            result = await call_next(context)
    except Exception as exc:  # whatever the tool raised is on its way to the caller
        raised = _hidden(context, exc)
        if call is not None and (raised is not exc or type(exc).__name__ == "ValidationError"):
            call.failure = raised
        raise raised from raised.__cause__
    if call is not None:
        call.failure = None
    return result


def _hidden(context: Any, exc: Exception) -> Exception:
    """Returns what stands for a crash, without its text; any other failure as it is. FastMCP has logged the crash."""
    cause = exc.__cause__
    if cause is None or isinstance(cause, MCPError) or not str(exc).startswith((*_WRAPPED, _UNSENDABLE)):
        return exc
    if context.method != CALL:
        return protocol_error(
            ToolCrashed("The server failed unexpectedly. The log has the reason under the request id.")
        )
    text = f"Error executing tool {context.message.name}"
    hidden = type(exc)(text)
    is_logged = not str(exc).startswith(_UNSENDABLE)
    hidden.__cause__ = UnexpectedToolError(text) if is_logged else unsendable(context.message.name, Unsendable(cause))
    return hidden


def _askable() -> AbstractContextManager[Any]:
    """Lets the tool of a JSON call use `ctx.elicit`, which FastMCP refuses in the stateless era."""
    ctx, module = _json_call.get(), sys.modules.get("fastmcp.server.dependencies")
    bind = getattr(module, "bind_request_context", None)
    if ctx is None or bind is None:
        return nullcontext()
    bound: AbstractContextManager[Any] = bind(replace(ctx, protocol_version=LATEST_HANDSHAKE_VERSION))
    return bound


def _log_as_the_router() -> None:
    """Removes FastMCP's own handlers: they write lines of another form, past the router's log."""
    logger = logging.getLogger("fastmcp")
    logger.handlers.clear()
    logger.propagate = True


def _use_the_servers_threads() -> None:
    """Gives each FastMCP threads of its own. All of a process would share 40, and a time limit would wait for them."""
    module: Any = sys.modules.get("fastmcp.utilities.async_utils")
    if hasattr(module, "run_sync_in_threadpool"):
        module.run_sync_in_threadpool = _run_sync


async def _run_sync(function: Callable[[], Any]) -> Any:
    threads = _threads.get()
    return await (to_thread.run_sync(function) if threads is None else threads.run(function))
