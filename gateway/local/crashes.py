"""Failures inside a tool, translated into our own errors."""

from __future__ import annotations

import logging
from typing import Any

from mcp.server.mcpserver.exceptions import UnexpectedResourceError, UnexpectedToolError
from mcp_types.methods import is_input_required
from pydantic import ValidationError

from gateway.call import ToolCall
from gateway.errors import ArgumentError, GatewayError, InvalidArguments, ToolCrashed

logger = logging.getLogger(__name__)
CRASHES = (UnexpectedToolError, UnexpectedResourceError)


def argument_errors(exc: ValidationError) -> list[ArgumentError]:
    """Returns the path and the reason of each error, never a value."""
    found = exc.errors(include_url=False, include_context=False, include_input=False)
    return [{"path": ".".join(map(str, error["loc"])), "reason": error["msg"]} for error in found]


def crashed(name: str, exc: BaseException) -> ToolCrashed:
    """Logs the traceback under the request id, and returns the error that tells the caller where to look."""
    logger.error("Tool %r crashed", name, exc_info=exc)
    return ToolCrashed()


def refusal(failure: Exception | None) -> GatewayError | None:
    """Returns the error behind a failure that the SDK turned into text; None if the tool itself reported it."""
    if isinstance(failure, CRASHES):
        return ToolCrashed()
    if failure is not None and isinstance(failure.__cause__, ValidationError):
        return InvalidArguments(argument_errors(failure.__cause__))
    return None


def outcome(result: Any, is_error: bool, call: ToolCall) -> str:
    """Returns the outcome, as logs and metrics show it, of a call that the SDK answered."""
    if is_error:
        refused = refusal(call.failure)
        return refused.slug if refused is not None else "tool-error"
    return "input-required" if is_input_required(result) else "ok"
