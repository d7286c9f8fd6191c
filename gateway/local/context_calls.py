"""The exchanges of one server: those under way, and those whose tool waits for an answer from its caller."""

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


class Exchanges:
    """At most `limit` calls wait for an answer, each at most `seconds`; then its tool is cancelled."""

    def __init__(self, server: LowLevelServer[Any], limit: int, seconds: float) -> None:
        self._server = server
        self._limit = limit
        self._seconds = seconds
        self._waiting: dict[str, Exchange] = {}
        self._tasks: TaskGroup
        self._lifespan_state: Any

    @asynccontextmanager
    async def opened(self, lifespan_state: Any) -> AsyncIterator[None]:
        self._lifespan_state = lifespan_state
        async with anyio.create_task_group() as self._tasks:
            yield
            self._tasks.cancel_scope.cancel()

    async def call(self, call: ToolCall) -> tuple[Mapping[str, Any], ToolCall]:
        """Begin the call, or go on with the one that waits under its state.

        Returns the result on the wire's terms (the tool's, or an `input_required` one with what it asks) and the
        call that began it, with what its tool noted.

        Raises:
            InvalidRequest: nothing waits under this state for this caller and tool, or the answers do not fit.
            Unavailable: too many calls wait already.
            Exception: what the call raised.
        """
        exchange = self._resume(call) if (call.state or "").startswith(_PREFIX) else self._begin(call)
        try:
            result = await exchange.next()
        except BaseException:  # whatever ends the request ends its call
            exchange.scope.cancel()
            raise
        if result is None:
            state = self._suspend(exchange)
            result = {"resultType": "input_required", "inputRequests": exchange.questions(), "requestState": state}
        return result, exchange.call

    def _begin(self, call: ToolCall) -> Exchange:
        exchange = Exchange(call)
        self._tasks.start_soon(exchange.run, self._server, self._lifespan_state)
        return exchange

    def _suspend(self, exchange: Exchange) -> str:
        self._waiting = {state: other for state, other in self._waiting.items() if not other.over}
        if len(self._waiting) >= self._limit:
            exchange.scope.cancel()
            raise Unavailable("Too many calls wait for an answer already.")
        state = _PREFIX + secrets.token_urlsafe(24)
        exchange.scope.deadline = anyio.current_time() + self._seconds
        self._waiting[state] = exchange
        return state

    def _resume(self, call: ToolCall) -> Exchange:
        state = call.state or ""
        exchange = self._waiting.get(state)
        if exchange is None or exchange.over or not _same_asker(exchange.call, call):
            raise InvalidRequest("No call waits under this `requestState`: it is unknown, answered or expired.")
        exchange.answer(call.answers)
        del self._waiting[state]
        exchange.scope.deadline = float("inf")
        exchange.call.report = call.report
        return exchange


def _same_asker(one: ToolCall, other: ToolCall) -> bool:
    return (one.tool, one.caller) == (other.tool, other.caller)
