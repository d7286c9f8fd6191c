"""The version that a native call gets, and how its result says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from gateway.call import ToolCall, endpoint
from gateway.errors import InvalidRequest
from gateway.sdk.wire import as_result, wire
from gateway.tool import VERSION_META, Entry
from gateway.versions.choice import FAST_MCP, bound, choose, wanted_in
from gateway.versions.families import DEPRECATED_META

Context = ServerRequestContext[Any, Any]


def choose_version(call: ToolCall, find: Callable[[str], Entry | None], ctx: Context) -> bool:
    """Chooses the version for `call`, whose request is `ctx`. Returns True if its tool has versions.

    Raises:
        MCPError: the version that the request asks for is malformed, or two differ.
    """
    params: Mapping[str, Any] = ctx.params or {}
    meta = params.get("_meta")
    is_asked = isinstance(meta, Mapping) and VERSION_META in meta
    if not is_asked and ("@" not in call.tool if call.entry is None else call.entry.versions is None):
        return False
    try:
        choice = choose(find, call.server, call.tool, wanted_in(meta), call.state)
    except InvalidRequest as exc:
        raise MCPError(INVALID_PARAMS, str(exc), {"type": exc.slug}) from exc
    call.entry, call.requested, call.state, call.refusal = choice
    call.tool = call.requested if call.entry is None else call.entry.name
    return call.entry is not None and call.entry.versions is not None


def request_of_version(ctx: Context, own_name: str, state: str | None) -> Context:
    """Returns the request of a call under the name that the version has in its table, with the version's own state."""
    rest = {key: value for key, value in (ctx.params or {}).items() if key != "requestState"}
    own = {} if state is None else {"requestState": state}
    return replace(ctx, params={**rest, **own, "name": own_name})


def without_version(ctx: Context) -> Context:
    """Returns a request without the version that it asks for, which another server may take for one of its own."""
    params: Mapping[str, Any] = ctx.params or {}
    meta = params.get("_meta")
    if not isinstance(meta, Mapping):
        return ctx
    kept = {key: value for key, value in meta.items() if key not in (VERSION_META, FAST_MCP)}
    theirs = meta.get(FAST_MCP)
    if isinstance(theirs, Mapping) and (rest := {key: value for key, value in theirs.items() if key != "version"}):
        kept[FAST_MCP] = rest
    return replace(ctx, params={**params, "_meta": kept})


def unknown(server: LowLevelServer[Any], ctx: Context) -> HandlerResult:
    """Returns what the SDK answers to a call of an unknown tool."""
    text = f"Unknown tool: {(ctx.params or {}).get('name')}"
    result = {"resultType": "complete", "content": [{"type": "text", "text": text}], "isError": True}
    # The aggregate endpoint adds its own stamps.
    return result if endpoint.get() == "aggregate" else as_result(server, ctx, result)


def told(result: HandlerResult, entry: Entry) -> HandlerResult:
    """Returns the result of a version with its version, and with a state that goes on with it."""
    sent = dict(wire(result))
    if sent.get("resultType") == "input_required":
        sent["requestState"] = bound(entry, sent.get("requestState"))
    if entry.versions is None or not entry.versions.are_shown:
        return sent
    known: Any = entry.info.get("_meta", {})
    own = {key: known[key] for key in (VERSION_META, DEPRECATED_META) if key in known}
    return {**sent, "_meta": {**(sent.get("_meta") or {}), **own}}
