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

LONGEST_ID = 128
LARGEST_ID = 2**53 - 1
"""Up to here every reader of JSON keeps a whole number whole."""


def frame_of(message: Message, limit: int) -> dict[str, Any]:
    """What the client sent, which must be a JSON object in a text of at most `limit` bytes.

    Raises:
        TooLarge
        InvalidRequest: binary, not JSON, or no object; as with the body of a request.
    """
    text = message.get("text")
    if text is None:
        raise InvalidRequest("A frame must be text; this one is binary.")
    if len(text) > limit or (not text.isascii() and len(text.encode()) > limit):
        raise TooLarge(f"A frame must be at most {limit} bytes.")
    return json_object(text, "frame")


def id_of(frame: Mapping[str, Any]) -> Id:
    """Raises InvalidRequest."""
    value = frame.get("id")
    if type(value) is str:
        if len(value) <= LONGEST_ID:
            return value
    elif type(value) is int and abs(value) <= LARGEST_ID:
        return value
    if "id" not in frame:
        raise InvalidRequest("`id` is missing.")
    raise InvalidRequest(
        f"`id` must be a string of at most {LONGEST_ID} characters, or a whole number up to {LARGEST_ID}."
    )


def answer(id_: Id, result: ToolResult) -> bytes:
    """The result, or what the tool asks for (`inputRequests`, `requestState`)."""
    if result.asks is not None:
        return to_json({"id": id_, **result.asks})
    return b'{"id":%b,%b' % (to_json(id_), result.in_result()[1:])


def error(id_: Id | None, problem: Mapping[str, Any]) -> bytes:
    return to_json({"id": id_, "error": problem})


def report(id_: Id, name: str, fields: Mapping[str, Any]) -> bytes:
    """`progress` or `log`, as the tool reports it."""
    return to_json({"id": id_, name: fields}, inf_nan_mode="null", fallback=str)


def identified(id_: Id, name: str | None) -> bytes:
    """The answer to a token: the name of whose it is; null where nobody asks for one."""
    return to_json({"id": id_, "result": {"caller": name}})
