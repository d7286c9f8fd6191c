"""JSON-RPC answers out of HTTP answers, and failures out of HTTP statuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic_core import from_json

from gateway.upstream.calls.damaged import mended
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import ConnectionLost, StatusFailure, StatusRefusal
from gateway.upstream.link import LinkFailure, Refusal

MAX_RETRY_AFTER = 3600
Message = dict[str, Any]
Told = Callable[[Message], Awaitable[None]]
"""Takes each request and notification that comes on a stream beside the answer."""


async def answer_of(connection: Connection, number: int, told: Told, events: Events) -> dict[str, Any]:
    """Returns the result of the request with the id `number`.

    Raises:
        LinkFailure: there is no answer. It is ConnectionLost if a stream ended without one.
        Refusal: the answer is a JSON-RPC error, with whatever status.
    """
    if not connection.is_stream:
        return _whole(connection, number)
    while chunk := await connection.read():
        for event in events.feed(chunk):
            if event.type != b"message":
                continue
            message = parsed(event.data)
            if message is None:
                raise LinkFailure("an event of its answer is not JSON-RPC", was_sent=True)
            if "method" in message:
                await told(message)
            elif _answers(message, number):
                return _result(message)
    raise ConnectionLost("its answer ended before the result")


def parsed(data: bytes) -> Message | None:
    """Returns a JSON-RPC message; None if it is none."""
    try:
        message = from_json(data)
    except ValueError:
        message = mended(data)
    return message if isinstance(message, dict) and message.get("jsonrpc") == "2.0" else None


def _whole(connection: Connection, number: int) -> dict[str, Any]:
    status = connection.status
    failure = status_failure(connection)
    if failure is not None and (status in (401, 403) or failure.retry_after is not None):
        raise failure
    message = parsed(connection.body)
    if message is not None and ("result" in message or "error" in message):
        if status < 300 and not _answers(message, number):
            raise LinkFailure("its answer has the id of another request", was_sent=True)
        try:
            if status < 300 or "error" in message:
                return _result(message)
        except Refusal as exc:
            raise (StatusRefusal(status, exc) if status >= 300 else exc) from None
    raise failure or LinkFailure("its answer is not JSON-RPC", was_sent=True)


def status_failure(connection: Connection) -> StatusFailure | None:
    """Returns what a status says that is not a success; None for a success."""
    status = connection.status
    if status < 300:
        return None
    if status in (401, 403):
        return StatusFailure(status, f"unauthorized (status {status})", was_sent=False)
    retry_after = None
    if status in (429, 503):
        retry_after = _seconds(connection.headers.get(b"retry-after", b"").decode("latin-1"))
    was_sent = status >= 500 and retry_after is None
    return StatusFailure(status, f"it answers with status {status}", was_sent=was_sent, retry_after=retry_after)


def _answers(message: Mapping[str, Any], number: int) -> bool:
    """Returns True for the id of the request, and for an error that could not know it."""
    found = message.get("id")
    return (found == number and type(found) is int) or (found is None and "error" in message)


def _result(message: Mapping[str, Any]) -> dict[str, Any]:
    result, error = message.get("result"), message.get("error")
    if isinstance(result, dict):
        return result
    if isinstance(error, dict) and type(error.get("code")) is int:
        raise Refusal(error["code"], str(error.get("message", "")), error.get("data"))
    raise LinkFailure("its answer is not JSON-RPC", was_sent=True)


def _seconds(retry_after: str) -> int | None:
    """Parses `Retry-After`, which is a number of seconds or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        seconds = float(retry_after[:9])
    else:
        try:
            date = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    return round(min(max(seconds, 1), MAX_RETRY_AFTER))
