"""The calls of one server that go through the SDK's machinery, also those whose tool waits for input."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp.server import Server as LowLevelServer
from mcp.shared.exceptions import MCPError
from mcp_types import CORE_RESULT_TYPES, INVALID_PARAMS, METHOD_NOT_FOUND

from gateway.call import Continuation, ToolCall, ToolResult
from gateway.errors import GatewayError, Gone, InvalidRequest, ToolCrashed, Unavailable, UnknownResultType, UnknownTask
from gateway.local.exchange import Exchange
from gateway.local.requests import has_crashed
from gateway.local.waiting_states import UNKNOWN, WaitingStates, names_a_task, names_a_waiting_call
from gateway.places import Places, part, take_each
from gateway.sdk.sessions import Limits
from gateway.sdk.tasks import CANCEL, GET, TASK, UPDATE, result_of, task_in

logger = logging.getLogger(__name__)
WAITING = "calls that wait for input"


def waiting_places(limits: Limits) -> list[Places]:
    """Returns the places of calls that wait for input: those of one server, and of all servers together."""
    own = Places(limits.waiting_calls, part(limits.waiting_calls, limits.share), WAITING)
    return [own] if limits.all_waiting is None else [own, limits.all_waiting]


class ContextCalls:
    """Each call that waits for input takes one of each `places`, at most for `seconds`; then its tool is cancelled."""

    def __init__(
        self, server: LowLevelServer[Any], places: Sequence[Places], seconds: float, states: WaitingStates
    ) -> None:
        self._server = server
        self._places = places
        self._seconds = seconds
        self._states = states
        self._waiting: dict[str, Exchange] = {}
        self._state_of: dict[Exchange, str] = {}
        self._tasks: TaskGroup | None = None
        self._lifespan_state: Any

    @asynccontextmanager
    async def opened(self, lifespan_state: Any) -> AsyncIterator[None]:
        self._lifespan_state = lifespan_state
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()

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
        exchange = self._resume(call, call.state) if names_a_waiting_call(call.state) else self._begin(call)
        try:
            result = await exchange.next()
        except BaseException:  # the end of a request, for any reason, ends its call
            exchange.scope.cancel()
            await exchange.ended.wait()  # it counts as in flight until its tool has ended
            raise
        if result is None:
            state = self._suspend(exchange)
            result = {"resultType": "input_required", "inputRequests": exchange.questions(), "requestState": state}
        return result, exchange.call

    async def elsewhere(self, call: ToolCall) -> ToolResult | None:
        """Continues a call that waits in another process. Returns None for any other call.

        Raises:
            InvalidRequest: the state is none of ours.
            Gone: there is no way to the process.
            GatewayError: the other process raised it.
        """
        if not names_a_waiting_call(call.state) or (process := self._states.process_of(call.state)) is None:
            return None
        relay = self._states.relay
        if relay is None:
            raise Gone
        continuation = Continuation(
            process=process,
            server=call.server,
            tool=call.tool,
            state=call.state,
            owner=call.caller.owner,
            request_id=call.request_id,
            answers=call.answers,
            wants_reports=call.report is not None,
        )
        progressed = call.clock.progressed if call.clock is not None else lambda: None
        return await relay.resume(continuation, call.report, progressed)

    def _begin(self, call: ToolCall) -> Exchange:
        if self._tasks is None:
            raise Unavailable("The server is closed.")
        exchange = Exchange(call)
        self._tasks.start_soon(self._run, exchange)
        return exchange

    async def _run(self, exchange: Exchange) -> None:
        try:
            await exchange.run(self._server, self._lifespan_state)
        finally:
            self._forget(exchange)

    def _suspend(self, exchange: Exchange) -> str:
        state = self._states.new()
        try:
            take_each(self._places, exchange.call.caller)
        except GatewayError:
            exchange.scope.cancel()
            raise
        exchange.scope.deadline = anyio.current_time() + self._seconds
        self._waiting[state], self._state_of[exchange] = exchange, state
        return state

    def _forget(self, exchange: Exchange) -> None:
        """Gives the places of a call back that waits no more. Does nothing if it did not wait."""
        state = self._state_of.pop(exchange, None)
        if state is not None:
            del self._waiting[state]
            for places in self._places:
                places.give_back(exchange.call.caller)

    def _resume(self, call: ToolCall, state: str) -> Exchange:
        exchange = self._waiting.get(state)
        asking = (call.tool, call.caller.owner)
        if exchange is None or asking != (exchange.call.tool, exchange.call.caller.owner):
            raise InvalidRequest(UNKNOWN)
        exchange.answer(call.answers)
        self._forget(exchange)
        exchange.scope.deadline = float("inf")
        exchange.report, exchange.clock = call.report, call.clock
        return exchange
