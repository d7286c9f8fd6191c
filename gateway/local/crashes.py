"""The boundary around the code of a server's author: whatever it raises is a crash of one call, and logged once."""

from __future__ import annotations

import inspect
import logging
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError, UnexpectedResourceError, UnexpectedToolError
from mcp_types.methods import is_input_required
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from gateway.call import ToolCall, ToolResult
from gateway.cancellation import was_requested
from gateway.errors import GatewayError, InvalidArguments, ToolCrashed
from gateway.sendable import Unsendable, encode
from gateway.tool import ArgumentError

logger = logging.getLogger(__name__)


class UnsendableResult(ToolError):
    """A crash whose reason is in the log. The SDK logs the text of a `ToolError` and no traceback."""


CRASHES = (UnexpectedToolError, UnexpectedResourceError, UnsendableResult)


def crashed(name: str, exc: BaseException) -> ToolCrashed:
    """Logs what the tool raised, and returns the error that tells the caller where to look.

    Raises:
        BaseException: `exc` itself, if it is a cancellation that was asked for.
    """
    if was_requested(exc):
        raise exc
    return log_crash(name, exc)


def log_crash(name: str, exc: BaseException, what: str = "Tool") -> ToolCrashed:
    """Logs a crash: the traceback, or one line if a value cannot be sent."""
    if isinstance(exc, Unsendable | PydanticSerializationError):
        logger.error("%s %r crashed: what it returned cannot be sent: %s", what, name, Unsendable(exc))
    else:
        logger.error("%s %r crashed", what, name, exc_info=exc)
    return ToolCrashed()


def unsendable(name: str, exc: Exception) -> UnsendableResult:
    """Logs that the tool's value cannot be sent, and returns the failure that the SDK turns into a result."""
    log_crash(name, exc)
    return UnsendableResult(f"Error executing tool {name}")


def check_awaited(value: Any) -> None:
    """Raises Unsendable for a value that is no value yet."""
    if inspect.iscoroutine(value):
        value.close()
        raise Unsendable(f"it is the coroutine {value.__qualname__!r}, which was never awaited")
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise Unsendable(f"it is the generator {value.__qualname__!r}; return a list of its values")


def argument_errors(exc: ValidationError) -> list[ArgumentError]:
    """Returns the path and the reason of each error, never a value.

    Raises:
        Unsendable: a validator of the tool gave a reason that is not UTF-8.
    """
    found = exc.errors(include_url=False, include_context=False, include_input=False)
    errors: list[ArgumentError] = [
        {"path": ".".join(map(str, error["loc"])), "reason": error["msg"]} for error in found
    ]
    encode(errors)
    return errors


def refusal(failure: Exception | None) -> GatewayError | None:
    """Returns the error behind a failure that the SDK turned into text; None if the tool itself reported it."""
    if failure is None:
        return None
    if isinstance(failure, CRASHES) or isinstance(failure.__cause__, CRASHES):
        return ToolCrashed()
    if isinstance(failure.__cause__, ValidationError):
        return InvalidArguments(argument_errors(failure.__cause__))
    return None


def outcome(result: Any, is_error: bool, call: ToolCall) -> str:
    """Returns the outcome, as logs and metrics show it, of a call that the SDK answered."""
    if is_error:
        refused = refusal(call.failure)
        return refused.slug if refused is not None else "tool-error"
    return "input-required" if is_input_required(result) else "ok"


def reported(result: ToolResult, call: ToolCall, encoded: bytes) -> ToolResult:
    """Returns the error that a tool reports. Raises what it was if the SDK turned a failure into this text."""
    prefix = f"Error executing tool {call.tool}"
    refused = refusal(call.failure) or (ToolCrashed() if result.message == prefix else None)
    if refused is not None:
        raise refused
    return replace(result, message=result.message.removeprefix(prefix + ": "), wire=encoded)
