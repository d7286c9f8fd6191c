"""A JSON call through the SDK's machinery, for tools that take `Context`: progress, log messages, requests for input.

The tool runs in its own task, so that a later request can answer what it asks in mid-call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server import Server as LowLevelServer
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
)
from mcp_types.version import LATEST_MODERN_VERSION

from gateway import VERSION
from gateway.call import ToolCall, current_call
from gateway.local.crashes import log_crash
from gateway.local.plan import Plan
from gateway.sdk.asking.asking_call import CAPABILITIES, AskingCall

_CLIENT = {"name": "multi-mcp", "version": VERSION}
_META = {
    PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
    CLIENT_INFO_META_KEY: _CLIENT,
    CLIENT_CAPABILITIES_META_KEY: CAPABILITIES,
    LOG_LEVEL_META_KEY: "debug",
    "progressToken": 0,
}


class Exchange(AskingCall):
    """One tool call in its task. Satisfies the SDK's `DispatchContext`: it receives what the tool sends."""

    can_send_request = True

    def __init__(self, call: ToolCall) -> None:
        self._own_scope = anyio.CancelScope()
        super().__init__(call, self._own_scope)
        self.request_id = call.request_id
        self.transport = TransportContext(kind="json", can_send_request=True)
        self.message_metadata = ServerMessageMetadata(request_context=call.request and call.request())
        self.cancel_requested = anyio.Event()

    async def run(self, server: LowLevelServer[Any], lifespan_state: Any) -> None:
        """Runs the call in the exchange's own task, from the middleware of its server to the tool."""
        call = self.call
        params = {"_meta": _META, **self._params()}
        connection = Connection.from_envelope(LATEST_MODERN_VERSION, _CLIENT, CAPABILITIES, outbound=self)
        current_call.set(call)
        try:
            with self._own_scope:
                self._result = await serve_one(
                    server, self, call.method, params, connection=connection, lifespan_state=lifespan_state
                )
        except Exception as exc:  # this task's boundary: the waiting request raises it
            self._error = exc
        except BaseException as exc:  # the same; it must not end the calls of all servers
            if anyio.current_effective_deadline() == -math.inf:  # the server closes
                raise
            # Not asyncio's count of requests, which a tool raises that cancels its own task.
            self._error = log_crash(call.tool, exc)
        finally:
            self.finish()

    def _params(self) -> dict[str, Any]:
        """Returns the parameters of the request: those of the tool, or the arguments of another method."""
        call = self.call
        if call.method != "tools/call":
            return call.arguments
        state = {"inputResponses": call.answers, "requestState": call.state}
        given = {key: value for key, value in state.items() if value is not None}
        name = call.entry.own_name if isinstance(call.entry, Plan) else call.tool
        return {"name": name, "arguments": call.arguments, **given}

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Keeps a request of the tool to its client as a question until a later request answers it."""
        return await self.ask(method, params or {}, (opts or {}).get("timeout"))

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        given = params or {}
        if method == "notifications/progress" and given.get("progressToken") == _META["progressToken"]:
            await self.progress(given["progress"], given.get("total"), given.get("message"))
        elif method == "notifications/message" and self.report is not None:
            await self.report("log", given)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        self.progressed()
        if self.report is not None:
            fields = {"progress": progress, "total": total, "message": message}
            await self.report("progress", {key: value for key, value in fields.items() if value is not None})
