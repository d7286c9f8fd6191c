"""The client of a call, as the upstream may know it, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.call import ToolCall
from gateway.sdk.asking.asking_call import CAPABILITIES
from gateway.sdk.internals import connection_of, request_channel
from gateway.sdk.wire import wire
from gateway.upstream.calls.log_levels import is_wanted, level_of
from gateway.upstream.calls.questions import ASKED, undeclared
from gateway.upstream.link import LOGGED, Origin, Params, Refusal

Context = ServerRequestContext[Any, Any]
_PARTS = {"elicitation": ("form", "url"), "sampling": ("context", "tools"), "roots": ()}
"""The capabilities that a client is asked for in mid-call, and their own parts that are passed on."""

_TASKS = "io.modelcontextprotocol/tasks"
"""The extension of which nothing is passed on."""


def native_origin(ctx: Context, call: ToolCall | None) -> Origin:
    """Returns the origin of a native request of either era."""
    channel, meta = request_channel(ctx), (ctx.params or {}).get("_meta") or {}
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    level = str(meta.get(LOG_LEVEL_META_KEY) or "") if is_modern else level_of(connection_of(ctx))

    async def log(params: Params) -> None:
        if is_wanted(params.get("level"), level):
            await channel.notify(LOGGED, params)

    if is_modern:
        return Origin(_passed_on(meta.get(CLIENT_CAPABILITIES_META_KEY)), None, log, level)
    if not channel.can_send_request:  # its answer is JSON alone
        return Origin()
    declared = connection_of(ctx).client_capabilities
    capabilities = askable(wire(declared)) if declared is not None else {}

    async def ask(method: str, params: Params) -> dict[str, Any]:
        check_askable(capabilities, method, params)
        with paused(call):
            try:
                answer: dict[str, Any] = await channel.send_raw_request(method, params)
            except MCPError as exc:
                raise Refusal(exc.error.code, exc.error.message, exc.error.data) from exc
        return answer

    return Origin(capabilities, ask, log, level, connection_of(ctx).session_id is not None)


def json_origin(call: ToolCall) -> Origin:
    """Returns the origin of a call over JSON."""
    report = call.report
    if report is None:
        return _JSON

    async def log(params: Params) -> None:
        await report("log", params)

    return Origin(CAPABILITIES, None, log, "debug")


_JSON = Origin(CAPABILITIES)


def askable(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of a client's capabilities it can be asked for in mid-call: one of a few dozen values."""
    return _ALL if capabilities is CAPABILITIES else _askable(capabilities)


def _askable(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, parts in _PARTS.items():
        declared = capabilities.get(name)
        if isinstance(declared, dict):
            found[name] = {part: {} for part in parts if isinstance(declared.get(part), dict)}
    return found


_ALL = _askable(CAPABILITIES)
"""What every caller over JSON can be asked for."""

_ALL_NAMED = f" {_ALL}"


def named(capabilities: Mapping[str, Any]) -> str:
    """Returns the part of the key of a session that says what its client is `askable` for; none for nothing."""
    if capabilities is _ALL:
        return _ALL_NAMED
    return f" {capabilities}" if capabilities else ""


def check_askable(capabilities: Mapping[str, Any], method: str, params: Params) -> None:
    """Raises Refusal if a client with these capabilities cannot be asked this."""
    declared = capabilities.get(ASKED.get(method, ""))
    part = None
    if method == "elicitation/create" and params.get("mode") == "url":
        part = "url"
    elif method == "sampling/createMessage" and ("tools" in params or "toolChoice" in params):
        part = "tools"
    if declared is None or (part is not None and part not in declared):
        raise undeclared(method, part)


def paused(call: ToolCall | None) -> AbstractContextManager[None]:
    """Notes that the client is asked, and stops the call's clock until it answers."""
    if call is None:
        return nullcontext()
    call.asked_client = True
    return call.clock.paused() if call.clock is not None else nullcontext()


def _passed_on(capabilities: Any) -> dict[str, Any]:
    """Returns the capabilities of a client of the stateless era without what is not passed on."""
    if not isinstance(capabilities, dict):
        return {}
    extensions = capabilities.get("extensions")
    if not isinstance(extensions, dict) or _TASKS not in extensions:
        return capabilities
    return capabilities | {"extensions": {key: value for key, value in extensions.items() if key != _TASKS}}
