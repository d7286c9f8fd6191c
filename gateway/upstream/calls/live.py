"""Calls to an upstream that asks in mid-call, for clients that are asked by results: they go on while nobody waits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeGuard

from mcp.shared.exceptions import MCPError

from gateway.call import ToolCall
from gateway.sdk.asking.asking_call import AskingCall
from gateway.sdk.asking.waiting import WaitingCalls
from gateway.upstream.calls.origins import askable, check_askable
from gateway.upstream.link import Origin, Params, Refusal, Report

Send = Callable[[Report | None, Origin], Awaitable[dict[str, Any]]]
"""Sends the request of a call, and returns its result."""


class TaskScope:
    """The `Scope` of a task, which is set once."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    @property
    def deadline(self) -> float:
        return self._deadline

    @deadline.setter
    def deadline(self, when: float) -> None:
        self._deadline = when
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self.cancel) if when < math.inf else None


class LiveCall(AskingCall):
    """`origin` and `reporting` belong to the request that waits for the call now; it is None if none does."""

    settles = 0.1  # questions that a server asks at once arrive one by one

    def __init__(self, call: ToolCall, origin: Origin, reporting: Report | None) -> None:
        self.own_scope = TaskScope()
        super().__init__(call, self.own_scope)
        self.origin: Origin | None = origin
        self.reporting: Report | None = reporting
        log = self._log if origin.log is not None else None
        self._asking = Origin(origin.capabilities, self._ask_client, log, origin.log_level, origin.has_session)
        self._declared = origin.capabilities

    async def run(self, send: Send) -> None:
        try:
            self._result = await send(self._progress if self.reporting is not None else None, self._asking)
        except Exception as exc:  # the boundary of this task: the waiting request raises it
            self._error = exc
        self.finish()  # at once: to wait for the end of this task would cost a turn of the event loop

    async def _ask_client(self, method: str, params: Params) -> dict[str, Any]:
        check_askable(askable(self._declared), method, params)
        try:
            return await self.ask(method, {key: value for key, value in params.items() if key != "_meta"})
        except MCPError as exc:
            raise Refusal(exc.error.code, exc.error.message) from exc

    async def _log(self, params: Params) -> None:
        if self.origin is not None and self.origin.log is not None:
            await self.origin.log(params)

    async def _progress(self, params: Params) -> None:
        self.progressed()
        if self.reporting is not None:
            await self.reporting(params)


class LiveCalls:
    """The calls of one server that may wait for input, in `waiting`."""

    def __init__(self, waiting: WaitingCalls[LiveCall]) -> None:
        self._waiting = waiting
        self._running: set[LiveCall] = set()

    def close(self) -> None:
        """Ends all calls."""
        for live in tuple(self._running):
            live.scope.cancel()

    def has(self, state: Any) -> TypeGuard[str]:
        """Returns True if a call waits under `state`."""
        return isinstance(state, str) and self._waiting.has(state)

    def begin(
        self, call: ToolCall, origin: Origin, report: Report | None, send: Send
    ) -> Coroutine[Any, Any, Mapping[str, Any]]:
        """Returns the result of a call, or an `input_required` one with the state under which it goes on.

        Raises:
            ShareExceeded, Unavailable: too many calls wait already, or the server is closed.
            GatewayError, Refusal: the call raised it.
        """
        live = LiveCall(call, origin, report)
        task = live.own_scope.task = asyncio.get_running_loop().create_task(live.run(send))
        self._running.add(live)
        task.add_done_callback(lambda _: self._end(live))  # it may be cancelled before its first step
        return self._next(live)

    async def go_on(
        self, call: ToolCall, origin: Origin, report: Report | None, *, state: str, answers: Any
    ) -> Mapping[str, Any]:
        """Returns the next result of the call that waits under `state`.

        Raises:
            InvalidRequest: no call of this caller and tool waits there, or the answers do not fit.
            As `begin` does.
        """
        live = self._waiting.resume(call, state, answers)
        live.origin, live.reporting = origin, report
        return await self._next(live)

    def _end(self, live: LiveCall) -> None:
        self._running.discard(live)
        self._waiting.forget(live)
        live.scope.deadline = math.inf
        live.finish()

    async def _next(self, live: LiveCall) -> Mapping[str, Any]:
        try:
            return await self._waiting.answered(live)
        finally:
            live.origin = live.reporting = None
