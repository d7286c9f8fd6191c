"""Native requests other than tool calls: as the interceptors see them, and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import UnexpectedResourceError
from mcp.shared._callable_inspection import is_async_callable
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
from pydantic import ValidationError

from gateway.call import ToolCall
from gateway.errors import ToolCrashed
from gateway.local.threads import Threads
from gateway.sdk import internals
from gateway.sdk.native import RequestEntry, native_request

UNKNOWN = "unknown-method"
PROTOCOL = frozenset({"initialize", "ping", "server/discover", "logging/setLevel"})
LISTS = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})


class Requests:
    """The requests of one server other than tool calls. `outside` are the methods for which the SDK's code alone runs.

    Sync functions of its prompts and resources run in the server's own threads. Each is replaced at the first request
    that may call it: a server can add some at any time.
    """

    def __init__(self, server: str, mcp: MCPServer[Any], threads: Threads) -> None:
        self.server = server
        self.outside = PROTOCOL | {method for method in LISTS if not internals.answers_itself(mcp, method)}
        self._mcp = mcp
        self._run = threads.run
        self._entries: dict[str, RequestEntry] = {}

    def call_for(self, ctx: ServerRequestContext[Any, Any]) -> ToolCall:
        """Returns the call that stands for a request."""
        for each in internals.functions_for(self._mcp, ctx.method, ctx.params or {}):
            if not is_async_callable(each.fn):
                each.fn = partial(self._run, each.fn)
        # The SDK refuses a method that the server has not, but inside of this; a client can send any number of them.
        is_known = internals.low_level(self._mcp).get_request_handler(ctx.method) is not None
        method = ctx.method if is_known else UNKNOWN
        entry = self._entries.get(method)
        if entry is None:
            entry = self._entries[method] = RequestEntry(method, stops=False)
        return native_request(self.server, entry, ctx)


def client_error(method: str, exc: BaseException) -> MCPError | None:
    """Returns the error for a prompt that is unknown or gets wrong arguments; None for a failure of the server's.

    The SDK raises ValueError for all of them.
    """
    if method != "prompts/get" or type(exc) is not ValueError:
        return None
    reason = exc.__cause__
    if type(reason) is ValueError and reason.__cause__ is None:  # the SDK's own text, which names no value
        return MCPError(INVALID_PARAMS, str(reason))
    if reason is not None and isinstance(reason.__cause__, ValidationError):
        return MCPError(INVALID_PARAMS, "The arguments do not match the prompt.")
    return None


def has_crashed(exc: MCPError) -> bool:
    """Returns True if this error was made of an exception of a prompt, a resource or a completion."""
    if isinstance(exc.error.data, Mapping) and exc.error.data.get("type") == ToolCrashed.slug:
        return True
    is_of_completion = exc.error.code == INTERNAL_ERROR and exc.__cause__ is not None
    return is_of_completion or isinstance(exc.__context__, UnexpectedResourceError)
