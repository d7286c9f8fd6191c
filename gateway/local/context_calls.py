"""The calls of one server that go through the SDK's machinery, also those whose tool waits for input."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.shared.exceptions import MCPError
from mcp_types import CORE_RESULT_TYPES, INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import ValidationError

from gateway.call import ToolCall, ToolResult
from gateway.errors import InvalidRequest, ToolCrashed, UnknownResultType, UnknownTask
from gateway.local.answer import Answer
from gateway.local.crashes import crashed, reported
from gateway.local.exchange import Exchange
from gateway.local.requests import has_crashed
from gateway.sdk import wire
from gateway.sdk.asking.states import NOT_OF_THIS_CALL, WaitingStates, names_a_task, names_a_waiting_call
from gateway.sdk.asking.waiting import WaitingCalls
from gateway.sdk.tasks import CANCEL, GET, TASK, UPDATE, result_of, task_in

logger = logging.getLogger(__name__)


class ContextCalls:
    """Calls through the SDK's machinery; those that wait for input are in `waiting`."""

    def __init__(self, server: LowLevelServer[Any], waiting: WaitingCalls[Exchange], states: WaitingStates) -> None:
        self._server = server
        self._waiting = waiting
        self._states = states
        self._lifespan_state: Any

    @asynccontextmanager
    async def opened(self, lifespan_state: Any) -> AsyncIterator[None]:
        self._lifespan_state = lifespan_state
        async with self._waiting.opened():
            yield

    async def call(self, call: ToolCall) -> tuple[Mapping[str, Any], ToolCall]:
        """Begins the call, continues the one that waits under its state, or asks for the task that its state names.

        Returns the result as it goes on the wire (the tool's, or an `input_required` one with its requests) and the
        call that began it, with the notes of its tool.

        Raises:
            InvalidRequest: no call of this caller and tool waits under this state, or the answers do not fit.
            UnknownTask, UnknownResultType
            ShareExceeded, Unavailable: too many calls wait already, or the server is closed.
            Exception: the call raised it.
        """
        if names_a_task(call.state):
            return self._known(await self._of_task(call, self._states.task_in(call.state, call)), call), call
        result, begun = await self._answered(call)
        return self._known(result, call), begun

    async def answered(self, call: ToolCall, answer: Answer) -> ToolResult:
        """Calls, and takes apart again what the SDK has turned into text. Raises GatewayError."""
        try:
            result, begun = await self.call(call)
        except MCPError as exc:
            if exc.error.data == {"reason": "invalid_request_state"}:
                raise InvalidRequest(NOT_OF_THIS_CALL) from exc
            encoded = wire.encode_error(exc)
            return ToolResult(is_error=True, message=exc.error.message, outcome="tool-error", wire=encoded)
        except ValidationError as exc:  # the SDK alone reads `inputResponses`
            raise InvalidRequest("`inputResponses` do not answer what was asked.") from exc
        if result.get("isError"):
            encoded = wire.encode_any(wire.strip_server_stamp(self._server, result))
            return reported(answer.of_wire(result), begun, encoded)
        try:
            answered = answer.of_sent(begun.returned, result)
        except BaseException as exc:  # a serializer of the tool's author may raise anything
            raise crashed(call.tool, exc) from exc
        if call.wants_wire:
            answered.wire = wire.encode_success(wire.strip_server_stamp(self._server, result))
        return answered

    async def _of_task(self, call: ToolCall, task: str) -> Mapping[str, Any]:
        """Cancels the task, or answers what it asks and returns its result, or the task itself."""
        asked: list[tuple[str, dict[str, Any]]] = [(CANCEL, {})] if call.method == CANCEL else [(GET, {})]
        if call.answers:
            asked.insert(0, (UPDATE, {"inputResponses": dict(call.answers)}))
        answer: Mapping[str, Any] = {}
        for method, more in asked:
            request = replace(call, method=method, arguments={"taskId": task, **more}, state=None, answers=None)
            request.clock = call.clock
            try:
                answer, _ = await self._answered(request)
            except MCPError as exc:
                if exc.error.code in (METHOD_NOT_FOUND, INVALID_PARAMS):
                    raise UnknownTask from exc
                if has_crashed(exc):
                    raise ToolCrashed from exc
                raise
        return result_of(answer) if call.method != CANCEL else {}

    def _known(self, result: Mapping[str, Any], call: ToolCall) -> Mapping[str, Any]:
        """Returns the result if JSON has a form for it; a task gets its state. Raises UnknownResultType."""
        kind = result.get("resultType", "complete")
        if kind == TASK:
            task = task_in(result)
            return task | {"requestState": self._states.of_task(task["taskId"], call)}
        if kind not in CORE_RESULT_TYPES:
            logger.error("Tool %r answered with an unknown resultType: %.100r", call.tool, kind)
            raise UnknownResultType
        return result

    async def _answered(self, call: ToolCall) -> tuple[Mapping[str, Any], ToolCall]:
        if names_a_waiting_call(call.state):
            exchange = self._waiting.resume(call, call.state, call.answers)
        else:
            exchange = self._waiting.begin(Exchange(call), self._run)
        return await self._waiting.answered(exchange), exchange.call

    async def _run(self, exchange: Exchange) -> None:
        await exchange.run(self._server, self._lifespan_state)
