"""A GraphQL request: its document, the operation in it, and the variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from gateway.errors import InvalidRequest
from gateway.sendable import check_finite
from routes.graphql.persisted import Persisted
from routes.json_api.body import json_object

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    text: str
    operation: str | None
    variables: Mapping[str, Any]


def read(body: Mapping[str, Any], persisted: Persisted) -> GraphQLRequest:
    """Returns the request in a JSON object.

    Raises:
        InvalidRequest
        HTTPException: 404, it names a document that is unknown.
    """
    operation = body.get("operationName")
    if operation is not None and type(operation) is not str:
        raise InvalidRequest("`operationName` must be a string.")
    variables, _ = _object(body, "variables"), _object(body, "extensions")
    check_finite(variables.values(), "variables")
    return GraphQLRequest(persisted.text_of(body), operation or None, variables)


def read_query(parameters: QueryParams, persisted: Persisted) -> GraphQLRequest:
    """Returns the request in the query of a URL, as `read` does."""
    body: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if name in body:
            body[name] = json_object(body[name], f"parameter `{name}`")
    return read(body, persisted)


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is not None and type(value) is not dict:
        raise InvalidRequest(f"`{name}` must be an object.")
    return value or _NOTHING
