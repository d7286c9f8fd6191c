"""The frames of a WebSocket: JSON objects, each with the `id` of its call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.types import Message

from gateway.call import ToolResult
from gateway.errors import InvalidRequest, TooLarge
from routes.json_api.body import json_object

Id = str | int

MAX_ID_LENGTH = 128
MAX_ID_NUMBER = 2**53 - 1
"""The largest whole number that JavaScript reads exactly."""


def parse_frame(message: Message, limit: int) -> dict[str, Any]:
    """Returns the JSON object of a text frame of at most `limit` bytes.

    Raises:
        TooLarge
        InvalidRequest: binary, not JSON, or not an object.
    """
    text = message.get("text")
    if text is None:
        raise InvalidRequest("A frame must be text; this one is binary.")
    # Text has at most as many characters as bytes, so only text that is not ASCII has to be encoded to be measured.
    if len(text) > limit or (not text.isascii() and len(text.encode()) > limit):
        raise TooLarge(f"A frame must be at most {limit} bytes.")
    return json_object(text.removeprefix("\ufeff"), "frame")


def parse_id(frame: Mapping[str, Any]) -> Id | None:
    """Returns None if the frame has none, as that of a client that waits for each answer. Raises InvalidRequest."""
    if "id" not in frame:
        return None
    value = frame["id"]
    # The exact types, because a bool is an int too.
    if (type(value) is str and len(value) <= MAX_ID_LENGTH) or (type(value) is int and abs(value) <= MAX_ID_NUMBER):
        return value
    raise InvalidRequest(
        f"`id` must be a string of at most {MAX_ID_LENGTH} characters, or a whole number up to {MAX_ID_NUMBER}."
    )


def result_frame(id_: Id | None, result: ToolResult, version: str = "") -> bytes:
    """The result, or the tool's questions (`inputRequests`, `requestState`), and the version of a tool with several."""
    if result.asks is not None:
        return to_json({**_with(id_), **_version(version), **result.asks})
    # The result is JSON already: put the rest in front instead of parsing it.
    body = result.in_result()
    if version:
        return b"%b,%b" % (to_json({**_with(id_), **_version(version)})[:-1], body[1:])
    return body if id_ is None else b'{"id":%b,%b' % (to_json(id_), body[1:])


def error_frame(id_: Id | None, problem: Mapping[str, Any]) -> bytes:
    """The problem. Its id is null if the frame has none that can be read."""
    return to_json({"id": id_, "error": problem})


def report_frame(id_: Id | None, name: str, fields: Mapping[str, Any]) -> bytes:
    """A report of the tool; `name` is `progress` or `log`."""
    # Tools may report any Python value, and a report must not fail their call.
    return to_json({**_with(id_), name: fields}, inf_nan_mode="null", fallback=str)


def caller_frame(id_: Id | None, name: str | None) -> bytes:
    """The answer to a token: the caller's name, or null if authentication is off."""
    return to_json({**_with(id_), "result": {"caller": name}})


def _with(id_: Id | None) -> dict[str, Id]:
    return {} if id_ is None else {"id": id_}


def _version(version: str) -> dict[str, str]:
    return {"version": version} if version else {}
