"""The outcome of a call as it is kept: an answer to each later call with the same key, by whichever way it comes in."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from gateway.call import ToolCall, ToolResult
from gateway.errors import (
    CallTimeout,
    Conflict,
    GatewayError,
    Gone,
    ToolCrashed,
    UpstreamError,
)

TOO_LARGE = "The call has run, and its answer was too large to be kept."
INTERRUPTED = "The process in which this call ran has ended before its tool answered; the call may have run."
OTHER_WAY = "The answer to the first call with this key cannot be repeated over this interface."
_NOT_RUN = {"unknown-server", "unknown-tool", "forbidden", "unauthenticated", "not-found", "unavailable"} | {
    *("invalid-request", "invalid-arguments", "too-large", "rate-limited", "share-exceeded"),
    *("unknown-version", "retired"),
}
"""The outcomes of calls whose tool did not run."""

_ERRORS = {each.slug: each for each in (CallTimeout, Gone, ToolCrashed, UpstreamError)}


def has_run(outcome: ToolResult | Exception) -> bool:
    """Returns False if the tool has surely not run, so that the next call with the key may."""
    if isinstance(outcome, GatewayError):
        return outcome.outcome != "not-executed" and outcome.slug not in _NOT_RUN
    return not (isinstance(outcome, ToolResult) and outcome.outcome in _NOT_RUN)


def interrupted() -> Gone:
    """Returns the error for a call whose outcome nobody knows any more."""
    error = Gone(INTERRUPTED)
    error.outcome = "unknown"
    return error


def record_of(outcome: ToolResult | Exception, max_bytes: int, version: str = "") -> bytes:
    """Returns an outcome as it is kept; an error in its place if that has more than `max_bytes`, or is not JSON.

    `version` is that of the tool, empty for a tool without versions.
    """
    if isinstance(outcome, ToolResult):
        return _of_result(outcome, max_bytes, version)
    return _of_error(outcome if isinstance(outcome, GatewayError) else ToolCrashed(), version)


def _of_result(result: ToolResult, max_bytes: int, version: str) -> bytes:
    fields = {
        "wrapped": result.wrapped,
        "is_error": result.is_error,
        "message": result.message,
        "asks": result.asks,
        "outcome": result.outcome,
        "body": len(result.body),
        **({"version": version} if version else {}),
    }
    try:
        record = b"%b\n%b%b" % (to_json(fields), result.body, result.wire)
    except ValueError:
        return _of_error(Gone(TOO_LARGE), version)
    return record if len(record) <= max_bytes else _of_error(Gone(TOO_LARGE), version)


def _of_error(exc: GatewayError, version: str) -> bytes:
    slug = exc.slug if exc.slug in _ERRORS else ToolCrashed.slug
    fields = {"error": slug, "detail": str(exc), "outcome": exc.outcome}
    return to_json(fields | ({"version": version} if version else {})) + b"\n"


def repeated(record: bytes, call: ToolCall) -> ToolResult:
    """Returns the answer in a record, for `call`, which becomes a call of the version that ran.

    Raises:
        Conflict: it has no form for this way in.
        GatewayError: it is this error.
    """
    head, _, content = record.partition(b"\n")
    fields: dict[str, Any] = from_json(head)
    version = fields.pop("version", "")
    if call.entry is not None and call.entry.versions is not None:
        call.entry = call.entry.versions.exact(version) or call.entry
    if "error" in fields:
        kind = _ERRORS[fields["error"]]
        exc = kind.__new__(kind)
        GatewayError.__init__(exc, fields["detail"])  # the sentence is made already
        exc.outcome = fields["outcome"]
        raise exc
    length = fields.pop("body")
    result = ToolResult(**fields, body=content[:length], wire=content[length:])
    if call.via in ("mcp", "aggregate"):
        has_form = bool(result.wire)
    elif result.outcome == ToolCrashed.slug:  # a native result, which is an error over JSON
        raise ToolCrashed
    else:
        has_form = bool(result.body) or result.is_error or result.asks is not None
    if not has_form:
        raise Conflict(OTHER_WAY)
    return result
