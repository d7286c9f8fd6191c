"""Requests of the admin API: their flags, precondition and body; and their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.precondition import Precondition
from gateway.errors import InvalidRequest
from routes.json_api.body import read_object

MAX_BODY = 128 * 1024
"""Bytes of an entry."""

_FLAGS = {"true": True, "1": True, "": True, "false": False, "0": False}


def flag(request: Request, name: str) -> bool:
    """Returns a flag of the query. Raises InvalidRequest for a value that is none."""
    values = request.query_params.getlist(name)
    if not values:
        return False
    if len(values) > 1 or values[0].lower() not in _FLAGS:
        raise InvalidRequest(f"`{name}` must be true or false.")
    return _FLAGS[values[0].lower()]


def allow_only(request: Request, *names: str) -> None:
    """Raises InvalidRequest for another parameter: a dry run with a typing error must not be a change."""
    for name in request.query_params:
        if name not in names:
            raise InvalidRequest(f"There is no parameter {name[:64]!r} here.")


def precondition(request: Request, *, is_needed: bool = False) -> Precondition:
    """Raises InvalidRequest if the headers cannot be used, or a needed one is missing."""
    match, none_match = request.headers.getlist("if-match"), request.headers.getlist("if-none-match")
    if len(match) + len(none_match) > 1:
        raise InvalidRequest("A request must have at most one of If-Match and If-None-Match.")
    if match and (match[0] == "*" or (len(match[0]) > 2 and match[0][0] == match[0][-1] == '"')):
        return Precondition(tag=match[0])
    if none_match == ["*"]:
        return Precondition(is_new=True)
    if match or none_match or is_needed:
        raise InvalidRequest("Send If-Match with the ETag of the entry, or If-None-Match: * for a new one.")
    return Precondition()


async def body(request: Request, max_body: int) -> dict[str, Any]:
    """Returns the JSON object in the body. Raises as `read_object` does."""
    return await read_object(request.scope, request.receive, min(MAX_BODY, max_body))


async def field(request: Request, max_body: int, name: str, kind: type) -> Any:
    """Returns the only field of the body. Raises InvalidRequest if it is missing, or of another kind."""
    found = await body(request, max_body)
    if [*found] != [name] or type(found[name]) is not kind:
        raise InvalidRequest(f'Send {{"{name}": …}}, {"a whole number" if kind is int else "a text"}.')
    return found[name]


def answered(document: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a JSON document. Texts of the file may have lone surrogates, which only escapes can carry."""
    return Response(json.dumps(document, separators=(",", ":")), status, headers, "application/json")
