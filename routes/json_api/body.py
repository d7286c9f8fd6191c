"""Reads the JSON object in the body of a request, up to a maximum size."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from gateway.call import idempotency_key
from gateway.encoding import BOM
from gateway.errors import InvalidRequest
from routes.scope import IDEMPOTENCY, STREAM, VERSION

_JSON = b"application/json"
_STREAM = b"text/event-stream"
_ZERO_QUALITY = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*")
_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number", NoneType: "null"}


def refuse_empty() -> dict[str, Any]:
    """Raises InvalidRequest: the body is empty."""
    raise InvalidRequest("The body is empty.")


async def read_object(
    scope: Scope, receive: Receive, max_body: int, empty: Callable[[], dict[str, Any]] = refuse_empty
) -> dict[str, Any]:
    """Returns the body, a JSON object of at most `max_body` bytes.

    Sets STREAM if the client wants an event stream, IDEMPOTENCY if it sends a key, and VERSION if it asks for one.

    A byte order mark is read over. `empty` returns what an empty body stands for; that body needs no Content-Type.

    Raises:
        HTTPException: 406, 413 or 415, before the body is read if the headers tell.
        InvalidRequest: not JSON, or not an object. NaN and lone surrogates are not JSON; the last of equal keys wins.
            Or the key is not one.
    """
    content_type = accept = b""
    for key, value in scope["headers"]:
        if key == b"content-type":
            content_type = value
        elif key == b"accept":
            accept = accept + b"," + value if accept else value
        elif key == b"content-length" and (not value.isdigit() or int(value) > max_body):
            raise _too_large(max_body)
        elif key in _RARE:
            _RARE[key](value, scope)
    if accept and accept != b"*/*":
        _check_accept(accept.lower(), scope)
    is_json = content_type == _JSON or content_type.partition(b";")[0].strip().lower() == _JSON
    if not is_json and (content_type or empty is refuse_empty):
        raise _not_json()
    body = await read_body(receive, max_body)
    if not body or body.isspace():
        return empty()
    if not is_json:
        raise _not_json()
    return json_object(body.removeprefix(BOM), "body")


def _note_key(value: bytes, scope: Scope) -> None:
    if IDEMPOTENCY.name in scope:
        raise InvalidRequest("A request must have at most one Idempotency-Key.")
    IDEMPOTENCY.set(scope, idempotency_key(value.decode("latin-1")))


def _note_version(value: bytes, scope: Scope) -> None:
    text = value.decode("latin-1")
    if VERSION.get(scope) not in (None, text):
        raise InvalidRequest("The headers Tool-Version of a request must not differ.")
    VERSION.set(scope, text)


def refuse_encoded(codings: bytes) -> None:
    """Raises HTTPException 415 if a body is encoded, by the value of its Content-Encoding."""
    for coding in codings.lower().split(b","):
        if coding.strip() not in (b"identity", b""):
            headers = {"Accept-Encoding": "identity"}
            raise HTTPException(415, "Send the body as it is, without Content-Encoding.", headers)


def json_object(text: bytes | str, name: str) -> dict[str, Any]:
    """Returns the JSON object in `text`. Raises InvalidRequest with `name` in its message."""
    try:
        value = from_json(text, allow_inf_nan=False)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"The {name} {_fault(text, exc)}.") from exc
    if not isinstance(value, dict):
        raise InvalidRequest(f"The {name} must be a JSON object, not {_KINDS[type(value)]}.")
    return value


async def read_body(receive: Receive, max_body: int) -> bytes:
    """Returns the whole body. Raises HTTPException 413, or ClientDisconnect."""
    body = bytearray()  # grows in place, also by one byte at a time
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_body:
            raise _too_large(max_body)
        more = message.get("more_body", False)
    return bytes(body)


def _refuse_encoded(codings: bytes, _: Scope) -> None:
    refuse_encoded(codings)


_RARE: Mapping[bytes, Callable[[bytes, Scope], None]] = {
    b"content-encoding": _refuse_encoded,
    b"idempotency-key": _note_key,
    b"tool-version": _note_version,
}
"""Reads those headers that most requests have not."""


def _check_accept(accept: bytes, scope: Scope) -> None:
    """Raises 406 if the client accepts neither JSON nor events; sets STREAM if it accepts events and no JSON."""
    if b"json" not in accept and _lists_events(accept):
        STREAM.set(scope, True)
    elif not (b"*/*" in accept or b"json" in accept or b"application/*" in accept or not accept.strip()):
        raise HTTPException(406, "Accept must allow application/json or text/event-stream.")


def _lists_events(accept: bytes) -> bool:
    kinds = (kind.partition(b";") for kind in accept.split(b","))
    return any(kind.strip() == _STREAM and not _ZERO_QUALITY.fullmatch(quality) for kind, _, quality in kinds)


def _fault(text: bytes | str, exc: Exception) -> str:
    """Returns what is wrong with a text that is no JSON."""
    if not text.strip():
        return "is empty"
    try:
        if isinstance(text, bytes):
            text.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    return f"is not JSON: {exc}"


def _not_json() -> HTTPException:
    return HTTPException(415, "Send the body as JSON, with Content-Type: application/json.")


def _too_large(max_body: int) -> HTTPException:
    return HTTPException(413, f"The body must be at most {max_body} bytes.", headers={"Connection": "close"})
