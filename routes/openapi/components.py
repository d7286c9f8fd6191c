"""Parts that the operations of an OpenAPI document share: the shapes of our own JSON, and the table of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routes.errors import TABLE
from routes.json_api.formats import FORMATS

_TEXT = {"type": "string"}
_OBJECT = {"type": "object", "additionalProperties": True}
_COUNT = {"type": "integer", "minimum": 0}


def ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def json_content(schema: Any, example: Any = None) -> dict[str, Any]:
    content = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"application/json": content}


def _shape(required: Mapping[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **optional}, "required": [*required]}


_TOOL = {"name": _TEXT, "inputSchema": _OBJECT, "endpoint": {"type": "string", "format": "uri-reference"}}
_TOOL_MORE = {"title": _TEXT, "description": _TEXT, "outputSchema": _OBJECT, "annotations": _OBJECT}
_HEALTH = {"status": {"const": "ok"}, "server": _TEXT, "tools": _COUNT, "sessions": _COUNT}
_CALL_MORE = {
    "arguments": {
        "type": ["object", "string", "null"],
        "description": "As an object, or as the JSON text that OpenAI's models give.",
    },
    "requestState": {
        "type": "string",
        "description": "The `requestState` of an answer 202, which names the call to continue.",
    },
    "inputResponses": {"type": ["object", "null"], "description": "The answers to the `inputRequests`, by their keys."},
}
_ANSWERS_NEED_STATE = {"dependentRequired": {"inputResponses": ["requestState"]}}

SCHEMAS: Mapping[str, Any] = {
    "Tool": _shape(_TOOL, server=_TEXT, **_TOOL_MORE),
    "Tools": _shape({"tools": {"type": "array", "items": ref("schemas", "Tool")}}, server=_TEXT),
    "FormattedTools": {
        "type": "array",
        "items": _OBJECT,
        "description": f"Ready to pass as the `tools` of a request to the API of {', '.join(FORMATS)}.",
    },
    "Call": {**_shape({"tool": _TEXT}, **_CALL_MORE), **_ANSWERS_NEED_STATE},
    "CallOfAny": {
        **_shape(
            {"tool": {**_TEXT, "description": "Its name on `server`, or without `server` the name that `/mcp` lists."}},
            server={"type": ["string", "null"]},
            **_CALL_MORE,
        ),
        **_ANSWERS_NEED_STATE,
    },
    "Result": {**_shape({"result": {}}), "description": "The tool's result."},
    "ToolResult": {
        **_shape({}, result={}),
        "description": "The tool's result as `result`, or the structured content of a tool that makes its own.",
    },
    "InputRequired": _shape(
        {"resultType": {"const": "input_required"}},
        inputRequests={"type": "object", "additionalProperties": _shape({"method": _TEXT}, params=_OBJECT)},
        requestState=_TEXT,
    ),
    "Alive": _shape({"status": {"const": "ok"}}),
    "Health": _shape(_HEALTH),
    "HealthOfAll": _shape(
        {
            "status": {"const": "ok"},
            "tools": _COUNT,
            "sessions": _COUNT,
            "servers": {"type": "array", "items": ref("schemas", "Health")},
        }
    ),
    "Problem": {
        **_shape(
            {"type": {"type": "string", "format": "uri"}, "title": _TEXT, "status": {"type": "integer"}},
            detail=_TEXT,
            requestId=_TEXT,
            server=_TEXT,
            tool=_TEXT,
            scope={**_TEXT, "description": "The scope that the caller lacks."},
            errors={"type": "array", "items": _shape({"path": _TEXT, "reason": _TEXT})},
            retryAfter=_COUNT,
        ),
        "description": "A problem document (RFC 9457).",
    },
}

HEADERS: Mapping[str, Any] = {
    "ETag": {"schema": _TEXT, "description": "Send it as `If-None-Match`; the answer is 304 if nothing has changed."},
    "Retry-After": {"schema": _COUNT, "description": "Seconds to wait."},
    "RateLimit": {"schema": _TEXT, "description": 'Remaining calls: `"default";r=0;t=12` is none for 12 seconds.'},
    "RateLimit-Policy": {
        "schema": _TEXT,
        "description": 'Allowed calls: `"default";q=100;w=60` is 100 in 60 seconds.',
    },
}

PARAMETERS: Mapping[str, Any] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "description": "Of all calls of a caller with the same key, one runs; the others repeat its answer.",
    },
}

SECURITY: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or an access token."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

_ERRORS = "| status | slug | title |\n|---|---|---|\n"


def responses() -> dict[str, Any]:
    """Returns the answers other than 200, by their names."""
    asks = "The tool requests input. Post the answers with `requestState` to the server's `call` to continue."
    rows = "\n".join(f"| {status} | `{slug}` | {title} |" for slug, (status, title) in TABLE.items())
    example = {"type": "urn:multi-mcp:error:not-found", "title": "Not found", "status": 404, "requestId": "5f0c1a2b-1"}
    problem = {"schema": ref("schemas", "Problem"), "example": example}
    return {
        "InputRequired": {"description": asks, "content": json_content(ref("schemas", "InputRequired"))},
        "NotModified": {"description": "Nothing has changed.", "headers": {"ETag": ref("headers", "ETag")}},
        "Problem": {
            "description": f"An error. Its `type` is `urn:multi-mcp:error:` and a slug.\n\n{_ERRORS}{rows}",
            "headers": {name: ref("headers", name) for name in ("Retry-After", "RateLimit", "RateLimit-Policy")},
            "content": {"application/problem+json": problem},
        },
    }


ANY_ERROR = {"default": ref("responses", "Problem")}
"""What every operation may answer."""
