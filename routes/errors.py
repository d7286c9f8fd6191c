"""Every error that leaves over plain HTTP: one table, one document (`application/problem+json`, RFC 9457)."""

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
    "method-not-allowed": (405, "Method not allowed"),
    "not-acceptable": (406, "Not acceptable"),
    "too-large": (413, "Request body too large"),
    "unsupported-media-type": (415, "Unsupported media type"),
    "misdirected": (421, "Host not allowed"),
    "invalid-arguments": (422, "Invalid arguments"),
    "tool-error": (422, "The tool reported an error"),
    "rate-limited": (429, "Too many requests"),
    "cancelled": (499, "Cancelled by the client"),
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
    """The problem document of a row of the table; a field that is None or empty is left out."""
    status, title = TABLE[slug]
    said = {"type": f"urn:multi-mcp:error:{slug}", "title": title, "status": status, "detail": detail}
    fields["requestId"] = request_id.get()
    return said | {key: value for key, value in fields.items() if value}


def problem(slug: str, detail: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Response:
    return answer(document(slug, detail, **fields), headers)


def answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A problem document on its way."""
    return Response(to_json(problem), problem["status"], headers, "application/problem+json")


def of_refusal(exc: GatewayError, call: ToolCall | None) -> dict[str, Any]:
    """The document of what kept `call`, or what was to be one, from its tool."""
    server, tool = (call.server, call.tool) if call is not None else (None, None)
    more = {
        "server": exc.server or server,
        "tool": exc.tool or tool,
        "errors": exc.errors,
        "retryAfter": exc.retry_after,
        "scope": exc.scope,
    }
    return document(exc.slug, str(exc), **more)


def insufficient(exc: Forbidden, scope: Scope) -> dict[str, str]:
    """The header by which a client learns what scope to ask for, and of whom (RFC 6750, RFC 9728)."""
    challenge = 'Bearer error="insufficient_scope"'
    if exc.scope is not None:
        challenge += f', scope="{exc.scope}"'
    if (metadata := METADATA.get(scope)) is not None:
        challenge += f', resource_metadata="{metadata.url_for(scope)}"'
    return {"WWW-Authenticate": challenge}


def tool_error(message: str, server: str, tool: str) -> Response:
    """What the tool itself said."""
    return problem("tool-error", message, server=server, tool=tool)


def exception_handlers() -> dict[Any, ExceptionHandler]:
    """For Starlette: what is raised below, as its problem document."""
    return {
        GatewayError: _gateway_error,
        RateLimited: _rate_limited,
        Forbidden: _forbidden,
        HTTPException: _http_error,
        ClientDisconnect: _client_left,
        Exception: _internal_error,
    }


async def _gateway_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)
    headers = {"Retry-After": str(exc.retry_after)} if exc.retry_after is not None else None
    return answer(of_refusal(exc, CALL.get(request.scope)), headers)


async def _rate_limited(request: Request, exc: Exception) -> Response:
    """With the fields of draft-ietf-httpapi-ratelimit-headers."""
    assert isinstance(exc, RateLimited)
    headers = {
        "Retry-After": str(exc.retry_after),
        "RateLimit-Policy": ", ".join(f'"{quota.name}";q={quota.calls};w={quota.seconds}' for quota in exc.quotas),
        "RateLimit": f'"{exc.full.name}";r=0;t={exc.retry_after}',
    }
    return answer(of_refusal(exc, CALL.get(request.scope)), headers)


async def _forbidden(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Forbidden)
    return answer(of_refusal(exc, CALL.get(request.scope)), insufficient(exc, request.scope))


async def _http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    slug = _SLUG_OF_STATUS.get(exc.status_code, "invalid-request")
    detail = exc.detail
    if detail == HTTPStatus(exc.status_code).phrase:
        title = TABLE[slug][1]
        detail = f"{request.scope.get('method', 'WebSocket')} {request.scope['path']}: {title[0].lower()}{title[1:]}."
    headers = dict(exc.headers or {})
    if "Allow" in headers:  # Starlette's is in the order of a set
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return problem(slug, detail, headers)


async def _client_left(request: Request, exc: Exception) -> Response:
    """Nobody reads it; without it the server would log the traceback of an application that failed."""
    return Response(status_code=499)


async def _internal_error(request: Request, exc: Exception) -> Response:
    headers = {"X-Request-ID": request_id.get()}  # Starlette answers this one outside of all middleware
    return problem("internal-error", "The log has the reason under the request id.", headers)
