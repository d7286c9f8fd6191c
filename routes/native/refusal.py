"""The answer of a native endpoint to a request that it refuses before the SDK answers."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Scope

from gateway.errors import GatewayError
from gateway.sdk.native import protocol_error
from routes.errors import TABLE, headers_of


def refusal(exc: GatewayError, number: int | str | None, scope: Scope) -> Response:
    """Returns a JSON-RPC error with the status of the error table. `number` is the request's id, None if unknown."""
    error = protocol_error(exc).error.model_dump(mode="json", exclude_none=True)
    body = to_json({"jsonrpc": "2.0", "id": number, "error": error})
    return Response(body, TABLE[exc.slug][0], headers_of(exc, scope), "application/json")
