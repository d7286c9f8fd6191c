"""The version that a native call gets, and how its result says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
from mcp.server import Server as LowLevelServer
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import validate_mcp_param_headers
from mcp_types import INVALID_PARAMS, LOG_LEVEL_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.call import ToolCall, endpoint
from gateway.errors import InvalidRequest
from gateway.sdk.internals import connection_of, request_channel
from gateway.sdk.wire import as_result, wire
from gateway.tool import VERSION_META, Deprecation, Entry
from gateway.versions.choice import FAST_MCP, bound, choose, wanted_in
from gateway.versions.errors import HeaderMismatch
from gateway.versions.families import DEPRECATED_META

Context = ServerRequestContext[Any, Any]
LOGGER = "multi-mcp"
WARNING = "warning"
_AT_MOST_WARNING = ("debug", "info", "notice", WARNING)
_WARNED = "deprecated versions that were warned of"


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
    if call.entry is None or call.entry.versions is None:
        return False
    call.refusal = _mismatch(call, call.entry, ctx)
    return True


def _mismatch(call: ToolCall, entry: Entry, ctx: Context) -> HeaderMismatch | None:
    """Returns what the SDK would refuse if it knew the version: headers that differ from the arguments they repeat."""
    if ctx.request is None or ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return None
    found = validate_mcp_param_headers(entry.info["inputSchema"], call.arguments, ctx.request.headers)
    return None if found is None else HeaderMismatch(found.message)


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


async def warn_once(ctx: Context, server: str, entry: Entry) -> None:
    """Tells a session once that it calls a deprecated version, and a client without one whenever it asks for messages.

    `entry` has versions.
    """
    assert entry.versions is not None
    deprecation, connection = entry.versions.deprecation(entry.version), connection_of(ctx)
    if deprecation is None or (connection.session_id is None and not _asks(ctx)):
        return
    warned: set[tuple[str, str, str]] = connection.state.setdefault(_WARNED, set())
    which = server, entry.name, entry.version
    if which not in warned:
        warned.add(which)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the client has left
            params = {"level": WARNING, "logger": LOGGER, "data": _warning(entry, deprecation)}
            await request_channel(ctx).notify("notifications/message", params)


def _asks(ctx: Context) -> bool:
    """Returns True if a request of the stateless era asks for warnings."""
    meta = (ctx.params or {}).get("_meta")
    return isinstance(meta, Mapping) and meta.get(LOG_LEVEL_META_KEY) in _AT_MOST_WARNING


def _warning(entry: Entry, deprecation: Deprecation) -> str:
    since = f"{datetime.fromtimestamp(deprecation.since, UTC):%Y-%m-%d}"
    parts = [f"Version {entry.version} of tool {entry.name!r} is deprecated since {since}"]
    if deprecation.sunset is not None:
        parts.append(f" and will be retired on {datetime.fromtimestamp(deprecation.sunset, UTC):%Y-%m-%d}")
    parts += [".", f" Use version {deprecation.use}." if deprecation.use else "", f" {deprecation.why}".rstrip()]
    return "".join(parts)


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
