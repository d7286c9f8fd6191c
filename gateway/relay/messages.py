"""The messages of two processes about one call, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.call import Continuation, ToolResult
from gateway.errors import (
    CallTimeout,
    GatewayError,
    Gone,
    InvalidArguments,
    InvalidRequest,
    ShareExceeded,
    TooLarge,
    ToolCrashed,
    Unavailable,
    UnknownTool,
)

Message = dict[str, Any]

_ERRORS: Mapping[str, type[GatewayError]] = {
    each.slug: each
    for each in (
        *(CallTimeout, Gone, InvalidArguments, InvalidRequest, ShareExceeded, ToolCrashed, TooLarge, Unavailable),
        UnknownTool,
    )
}
"""The errors that a call can end with in its own process; interceptors have acted in the other one."""


def of_continuation(continuation: Continuation) -> Message:
    message = asdict(continuation)
    if not continuation.version:  # an older router knows no versions
        del message["version"]
    return message


def continuation_of(message: Message) -> Continuation:
    return Continuation(**message)


def of_result(result: ToolResult) -> Message:
    """Returns the last message about a call. It lacks what only the process of the tool can use."""
    return {
        "result": {
            "body": result.body.decode(),
            "wrapped": result.wrapped,
            "is_error": result.is_error,
            "message": result.message,
            "asks": result.asks,
            "outcome": result.outcome,
        }
    }


def of_error(exc: GatewayError) -> Message:
    """Returns the last message about a call that did not reach a result."""
    return {"error": exc.slug if exc.slug in _ERRORS else ToolCrashed.slug, "detail": str(exc), "errors": exc.errors}


def result_of(message: Message) -> ToolResult:
    """Returns the result in the last message about a call. Raises the GatewayError in it."""
    if "error" in message:
        kind = _ERRORS[message["error"]]
        exc = kind.__new__(kind)
        GatewayError.__init__(exc, message["detail"])  # the sentence is made already
        exc.errors = message["errors"]
        raise exc
    fields = message["result"]
    return ToolResult(**{**fields, "body": fields["body"].encode()})
