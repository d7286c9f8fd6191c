"""Answers as GraphQL over HTTP says: what is executed is 200; what is not has `errors` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from routes.errors import document

RESPONSE = "application/graphql-response+json"
JSON = "application/json"


def media_type(accept: str) -> str:
    """Returns the one of the two types that the client prefers; JSON if it names none."""
    ranges = {}
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        ranges[kind] = quality
    preferred = ranges.get(RESPONSE, "0")
    return RESPONSE if preferred.strip("0.") and preferred >= ranges.get(JSON, "0") else JSON


def answer(body: bytes, media: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, f"{media}; charset=utf-8")


def refused(errors: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns the body of a request that is not executed because its document or its variables are wrong."""
    extensions = document("invalid-request", "The request is not valid GraphQL for this schema.")
    return to_json({"errors": [{**each, "extensions": extensions} for each in errors]})


def of_problem(problem: Mapping[str, Any]) -> bytes:
    """Returns the body of a request that is not executed for another reason."""
    return to_json({"errors": [{"message": problem["detail"], "extensions": problem}]})
