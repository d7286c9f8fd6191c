"""Turns what an upstream answers into the gateway's results and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.shared.exceptions import MCPError

from gateway.call import ToolResult
from gateway.errors import GatewayError, Unavailable, UpstreamError
from gateway.sdk.wire import encode_complete, encode_error, encode_success, unwrapped
from gateway.sendable import Unsendable, encode
from gateway.upstream.link import LinkFailure, Refusal
from gateway.upstream.tools import UpstreamTool

_COMPLETE = (None, "complete")


def tool_result(tool: UpstreamTool, result: Mapping[str, Any], wants_wire: bool, max_bytes: int) -> ToolResult:
    """Returns the result of a call over JSON.

    Raises:
        UpstreamError: the result is not one of a tool, or is larger than `max_bytes`.
    """
    if result.get("resultType") not in _COMPLETE:
        raise UpstreamError("The server answered with a kind of result that is not known here.", was_sent=True)
    content = result.get("content", [])
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise UpstreamError("The server answered with a result that MCP does not have.", was_sent=True)
    try:
        if result.get("isError"):
            texts = [block["text"] for block in content if isinstance(block.get("text"), str)]
            message = "\n".join(texts)
            encode(message)
            encoded = encode_complete(result) if wants_wire else b""
            return ToolResult(is_error=True, message=message, outcome="tool-error", wire=encoded)
        structured = result.get("structuredContent")
        if structured is not None:
            wrapped = tool.is_wrapped and isinstance(structured, dict) and [*structured] == ["result"]
            found = ToolResult(encode(structured), wrapped)
        else:
            found = ToolResult(encode({"result": unwrapped(content)}))
    except Unsendable as exc:
        raise UpstreamError("The server answered with a value that JSON cannot carry.", was_sent=True) from exc
    if len(found.body) > max_bytes:
        raise UpstreamError(f"The result is larger than {max_bytes} bytes.", was_sent=True)
    if wants_wire:
        found.wire = encode_success(result)
    return found


def asking_result(result: Mapping[str, Any], max_bytes: int) -> ToolResult:
    """Returns the result of a call over JSON that asks for input, and goes on with its `requestState`.

    Raises:
        UpstreamError: it asks for nothing that MCP has, or for more than `max_bytes`.
    """
    asked = result.get("inputRequests") or {}
    is_known = isinstance(asked, dict) and all(isinstance(question, dict) for question in asked.values())
    try:
        if not is_known or len(encode(asked)) > max_bytes:
            raise UpstreamError("The server asked for input that MCP does not have.", was_sent=True)
    except Unsendable as exc:
        raise UpstreamError("The server asked with a value that JSON cannot carry.", was_sent=True) from exc
    return ToolResult(asks={"inputRequests": asked, "requestState": result["requestState"]}, outcome="input-required")


def refused(exc: Refusal) -> ToolResult:
    """Returns the result of a call that the upstream answered with a JSON-RPC error."""
    error = MCPError(exc.code, exc.message, exc.data)
    return ToolResult(is_error=True, message=exc.message, outcome="tool-error", native=error, wire=encode_error(error))


def failed(exc: LinkFailure) -> GatewayError:
    """Returns the error of a request that got no answer. Its reason is for the log: it may have the server's words."""
    if exc.retry_after is not None:
        busy = Unavailable("The server asks to be called later.")
        busy.retry_after = exc.retry_after
        return busy
    if exc.was_sent:
        return UpstreamError("The server did not answer; the call may have run.", was_sent=True)
    return UpstreamError("The server could not be reached; the call did not run.", was_sent=False)
