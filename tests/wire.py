"""MCP messages that a client sends, in both eras."""

from __future__ import annotations

import json
from typing import Any

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
BOTH_TYPES = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    """Returns a request of a legacy session."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def in_session(session: str) -> dict[str, str]:
    """Returns the headers of a request in a legacy session."""
    return {**BOTH_TYPES, "mcp-session-id": session, "mcp-protocol-version": LEGACY}


def modern(method: str, number: int = 1, **params: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Returns the headers and the body of a request in the stateless era."""
    headers = {**BOTH_TYPES, "mcp-protocol-version": MODERN, "mcp-method": method}
    if method in NAMED:
        headers["mcp-name"] = params[NAMED[method]]
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return headers, request(method, number, **params, _meta=meta)


def messages(stream: str) -> list[dict[str, Any]]:
    """Returns the JSON-RPC messages of a complete event stream."""
    data = [line.removeprefix("data:").strip() for line in stream.splitlines() if line.startswith("data:")]
    return [json.loads(text) for text in data if text]
