"""Calls of the fields of one request, through the same chain as every other call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from gateway.call import Report, ToolCall, ToolResult
from gateway.caller import caller
from gateway.cancellation import was_requested
from gateway.errors import GatewayError, InvalidRequest
from gateway.graphql.calls import CallFailed
from gateway.graphql.tools import Target
from gateway.server import Callee
from gateway.servers.names import Names
from routes.errors import document, of_refusal
from routes.json_api.call import tool_call

logger = logging.getLogger(__name__)
ASKS = "input-required"


class RequestCalls:
    """The calls of one request. `is_repeated` is True if one was answered as an earlier one with its key."""

    def __init__(self, names: Names, scope: Scope) -> None:
        self._names = names
        self._scope = scope
        self.is_repeated = False

    async def call(
        self, target: Target, arguments: dict[str, Any], resume: Mapping[str, Any], report: Report | None
    ) -> ToolResult:
        """Raises CallFailed."""
        call = None
        try:
            server, tool = self._names.callee(target.tool, target.server)
            version = {"version": target.version} if target.version else {}
            call = tool_call({"arguments": arguments, **resume, **version}, server, tool, "graphql", self._scope)
            call.report = report
            result = await self._called(server, call)
        except GatewayError as exc:
            raise _failed(of_refusal(exc, call)) from exc
        self.is_repeated = self.is_repeated or call.answered == "repeated"
        if result.is_error:
            raise _failed(document("tool-error", result.message, server=target.server, tool=target.tool))
        if result.asks is not None:
            raise _asks(result.asks, target)
        return result

    async def refuse(self, server: str | None, field: str) -> None:
        """Raises CallFailed: the chain's refusal of a tool that is unknown, or not for this caller."""
        call = None
        try:
            callee, tool = self._names.callee(field, server)
            call = tool_call({}, callee, tool, "graphql", self._scope)
            entry = call.entry if call.refusal is None else None  # a version that is gone is refused by the chain
            if entry is not None and caller.get().refusal(callee.name, entry.info, tool) is None:
                raise InvalidRequest("The tool is another field of the schema.")
            await self._called(callee, call)
        except GatewayError as exc:
            raise _failed(of_refusal(exc, call)) from exc

    def failure(self, slug: str, detail: str, target: Target | None) -> CallFailed:
        if target is None:
            return _failed(document(slug, detail))
        return _failed(document(slug, detail, server=target.server, tool=target.tool))

    async def _called(self, server: Callee, call: ToolCall) -> ToolResult:
        try:
            return await server.call(call)
        except (GatewayError, GeneratorExit):
            raise
        except BaseException as exc:  # the other fields of the request are answered
            if isinstance(exc, asyncio.CancelledError) and was_requested(exc):
                raise
            logger.exception("Unhandled exception in a GraphQL call")
            raise _failed(
                document(
                    "internal-error",
                    "The log has the reason under the request id.",
                    server=call.server,
                    tool=call.tool,
                )
            ) from exc


def _failed(problem: Mapping[str, Any]) -> CallFailed:
    return CallFailed(problem["detail"] or problem["title"], problem)


def _asks(asks: Mapping[str, Any], target: Target) -> CallFailed:
    """Returns the failure of a call that goes on when its field is asked for again, with `_resume`."""
    extensions = {
        "type": f"urn:multi-mcp:error:{ASKS}",
        "title": "Input required",
        "status": 202,
        "server": target.server,
        "tool": target.tool,
        **asks,
    }
    return CallFailed("The tool asks for input; answer it with the argument `_resume`.", extensions)
