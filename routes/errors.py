"""The errors that plain HTTP answers: one table, one kind of document (`application/problem+json`, RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Scope

from gateway.call import ToolCall, request_id
from gateway.errors import Forbidden, GatewayError, RateLimited
from routes.scope import CALL, METADATA

TABLE: Mapping[str, tuple[int, str]] = {
    "invalid-request": (400, "Malformed request"),
    "unauthenticated": (401, "Authentication required"),
    "forbidden": (403, "Forbidden"),
    "forbidden-origin": (403, "Origin not allowed"),
    "not-found": (404, "Not found"),
    "unknown-server": (404, "Unknown server"),
    "unknown-tool": (404, "Unknown tool"),
    "unknown-version": (404, "Unknown version of the tool"),
    "method-not-allowed": (405, "Method not allowed"),
    "not-acceptable": (406, "Not acceptable"),
    "request-timeout": (408, "Request timed out"),
    "conflict": (409, "Idempotency key already used"),
    "read-only": (409, "Read-only"),
    "gone": (410, "Gone"),
    "retired": (410, "Version of the tool retired"),
    "precondition-failed": (412, "Precondition failed"),
    "too-large": (413, "Request body too large"),
    "url-too-long": (414, "URL too long"),
    "unsupported-media-type": (415, "Unsupported media type"),
    "misdirected": (421, "Host not allowed"),
    "invalid-arguments": (422, "Invalid arguments"),
    "invalid-entry": (422, "Invalid entry"),
    "tool-error": (422, "The tool reported an error"),
    "rate-limited": (429, "Too many requests"),
    "share-exceeded": (429, "Too many at once"),
    "head-too-large": (431, "Request header fields too large"),
    "cancelled": (499, "Cancelled"),
    "tool-crashed": (500, "The tool failed unexpectedly"),
    "internal-error": (500, "Internal server error"),
    "upstream-error": (502, "Upstream server failed"),
    "unavailable": (503, "Service unavailable"),
    "timeout": (504, "Tool call timed out"),
}
_SLUG_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 413: "too-large"} | {
    415: "unsupported-media-type",
    503: "unavailable",
}


def document(slug: str, detail: str, **fields: Any) -> dict[str, Any]:
    """Returns the problem document of a row of the table. Fields that are None or empty are left out."""
    status, title = TABLE[slug]
    always = {"type": f"urn:multi-mcp:error:{slug}", "title": title, "status": status, "detail": detail}
    fields["requestId"] = request_id.get()
    return always | {key: value for key, value in fields.items() if value}


def problem(slug: str, detail: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Response:
    return answer(document(slug, detail, **fields), headers)


def answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Returns a problem document as a response."""
    return Response(to_json(problem), problem["status"], headers, "application/problem+json")


def of_refusal(exc: GatewayError, call: ToolCall | None) -> dict[str, Any]:
    """Returns the document of an error that kept `call` from its tool. Without a call, the request made none yet."""
    server, tool = (call.server, call.tool) if call is not None else (None, None)
    return document(
        exc.slug,
        str(exc),
        server=exc.server or server,
        tool=exc.tool or tool,
        errors=exc.errors,
        retryAfter=exc.retry_after,
        scope=exc.scope,
        outcome=exc.outcome,
    )


def insufficient(exc: Forbidden, scope: Scope) -> dict[str, str]:
    """Returns the header that tells a client which scope to request, and from whom (RFC 6750, RFC 9728)."""
    challenge = 'Bearer error="insufficient_scope"'
    if exc.scope is not None:
        challenge += f', scope="{exc.scope}"'
    if (metadata := METADATA.get(scope)) is not None:
        challenge += f', resource_metadata="{metadata.url_for(scope)}"'
    return {"WWW-Authenticate": challenge}


def retry_after(exc: GatewayError) -> dict[str, str]:
    return {"Retry-After": str(exc.retry_after)} if exc.retry_after is not None else {}


def headers_of(exc: GatewayError, scope: Scope) -> dict[str, str]:
    """Returns the headers of the answer to a refused request: when to try again, or which scope is missing."""
    headers = {**retry_after(exc), **replayed(CALL.get(scope))}
    if isinstance(exc, RateLimited):  # draft-ietf-httpapi-ratelimit-headers
        quotas = [f'"{quota.name}";q={quota.calls};w={quota.seconds}' for quota in exc.quotas]
        headers |= {"RateLimit-Policy": ", ".join(quotas), "RateLimit": f'"{exc.full.name}";r=0;t={exc.retry_after}'}
    elif isinstance(exc, Forbidden):
        headers |= insufficient(exc, scope)
    return headers


def replayed(call: ToolCall | None) -> dict[str, str]:
    """Returns the header of an answer that repeats that of an earlier call with the same key."""
    return {"Idempotency-Replayed": "true"} if call is not None and call.answered == "repeated" else {}


def tool_error(message: str, server: str, call: ToolCall) -> Response:
    """Returns the response to a call whose tool reported an error."""
    return problem("tool-error", message, replayed(call), server=server, tool=call.tool)


def exception_handlers() -> dict[Any, ExceptionHandler]:
    """Returns Starlette's handlers, which answer exceptions with their problem documents."""
    return {
        GatewayError: _gateway_error,
        HTTPException: _http_error,
        ClientDisconnect: _client_left,
        Exception: _internal_error,
    }


async def _gateway_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)
    return answer(of_refusal(exc, CALL.get(request.scope)), headers_of(exc, request.scope))


def slug_of(status: int) -> str:
    """Returns the slug of an error that has a status alone."""
    return _SLUG_OF_STATUS.get(status, "invalid-request")


async def _http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    slug = slug_of(exc.status_code)
    detail = exc.detail
    if detail == HTTPStatus(exc.status_code).phrase:
        title = TABLE[slug][1]
        detail = f"{request.scope.get('method', 'WebSocket')} {request.scope['path']}: {title[0].lower()}{title[1:]}."
    headers = dict(exc.headers or {})
    if "Allow" in headers:  # Starlette's is in the order of a set
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return problem(slug, detail, headers)


async def _client_left(request: Request, exc: Exception) -> Response:
    """Returns a response that nobody reads. Without it, uvicorn would log a traceback."""
    return Response(status_code=499)


async def _internal_error(request: Request, exc: Exception) -> Response:
    headers = {"X-Request-ID": request_id.get()}  # Starlette answers this one outside of all middleware
    return problem("internal-error", "The log has the reason under the request id.", headers)
