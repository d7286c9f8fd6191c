"""The calls of one server that go through the SDK's machinery, also those whose tool waits for input."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp.server import Server as LowLevelServer

from gateway.call import ToolCall
from gateway.errors import InvalidRequest, Unavailable
from gateway.local.exchange import Exchange

_PREFIX = "call-"


class ContextCalls:
    """At most `limit` calls wait for input, each at most `seconds`; then its tool is cancelled."""

    def __init__(self, server: LowLevelServer[Any], limit: int, seconds: float) -> None:
        self._server = server
        self._limit = limit
        self._seconds = seconds
        self._waiting: dict[str, Exchange] = {}
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
        """Begins the call, or continues the one that waits under its state.

        Returns the result as it goes on the wire (the tool's, or an `input_required` one with its requests) and the
        call that began it, with the notes of its tool.

        Raises:
            InvalidRequest: no call of this caller and tool waits under this state, or the answers do not fit.
            Unavailable: too many calls wait already, or the server is closed.
            Exception: the call raised it.
        """
        exchange = self._resume(call) if (call.state or "").startswith(_PREFIX) else self._begin(call)
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

    def _begin(self, call: ToolCall) -> Exchange:
        if self._tasks is None:
            raise Unavailable("The server is closed.")
        exchange = Exchange(call)
        self._tasks.start_soon(exchange.run, self._server, self._lifespan_state)
        return exchange

    def _suspend(self, exchange: Exchange) -> str:
        self._waiting = {state: other for state, other in self._waiting.items() if not other.over}
        if len(self._waiting) >= self._limit:
            exchange.scope.cancel()
            raise Unavailable("Too many calls wait for input already.")
        state = _PREFIX + secrets.token_urlsafe(24)
        exchange.scope.deadline = anyio.current_time() + self._seconds
        self._waiting[state] = exchange
        return state

    def _resume(self, call: ToolCall) -> Exchange:
        state = call.state or ""
        exchange = self._waiting.get(state)
        asking = (call.tool, call.caller.owner)
        if exchange is None or exchange.over or asking != (exchange.call.tool, exchange.call.caller.owner):
            raise InvalidRequest("No call waits under this `requestState`: it is unknown, answered or expired.")
        exchange.answer(call.answers)
        del self._waiting[state]
        exchange.scope.deadline = float("inf")
        exchange.report, exchange.clock = call.report, call.clock
        return exchange
