"""The calls of one server that run in tasks of their own, and wait there for input."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from gateway.call import Continuation, ToolCall, ToolResult
from gateway.errors import GatewayError, Gone, InvalidRequest, Unavailable
from gateway.places import Places, part, take_each
from gateway.sdk.asking.asking_call import AskingCall
from gateway.sdk.asking.states import UNKNOWN, WaitingStates, names_a_waiting_call
from gateway.sdk.sessions.sessions import Limits

WAITING = "calls that wait for input"
Asking = TypeVar("Asking", bound=AskingCall)


class WaitingCalls(Generic[Asking]):
    """Each call that waits for input takes one of each `places`, at most for `seconds`; then it is cancelled."""

    def __init__(self, places: Sequence[Places], seconds: float, states: WaitingStates) -> None:
        self._places = places
        self._seconds = seconds
        self._states = states
        self._waiting: dict[str, Asking] = {}
        self._state_of: dict[Asking, str] = {}
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Lets calls run inside of the block."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()

    def begin(self, asking: Asking, run: Callable[[Asking], Awaitable[None]]) -> Asking:
        """Runs a call. Raises Unavailable if the server is closed."""
        if self._tasks is None:
            raise Unavailable("The server is closed.")
        self._tasks.start_soon(self._run, asking, run)
        return asking

    def has(self, state: str | None) -> bool:
        """Returns True if a call of this process waits under `state`."""
        return state in self._waiting

    async def ended(self) -> None:
        """Returns when no call waits."""
        while self._state_of:
            await next(iter(self._state_of)).ended()
            await anyio.lowlevel.checkpoint()  # it is forgotten then

    async def answered(self, asking: Asking) -> Mapping[str, Any]:
        """Waits for a call's result as it goes on the wire, or for an `input_required` one with its requests.

        Raises:
            ShareExceeded, Unavailable: too many calls wait already.
            Exception: the call raised it.
        """
        try:
            result = await asking.next()
        except BaseException:  # the end of a request, for any reason, ends its call
            asking.scope.cancel()
            await asking.ended()  # it counts as in flight until its tool has ended
            raise
        if result is None:
            state = self._suspend(asking)
            result = {"resultType": "input_required", "inputRequests": asking.questions(), "requestState": state}
        return result

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
            version=call.entry.version if call.entry is not None else "",
        )
        progressed = call.clock.progressed if call.clock is not None else lambda: None
        return await relay.resume(continuation, call.report, progressed)

    def resume(self, call: ToolCall, state: str, answers: Mapping[str, Any] | None) -> Asking:
        """Hands `answers` to the call that waits under `state`, which `call` continues.

        Raises:
            InvalidRequest: no call of this caller, tool and version waits under this state, or the answers do not fit.
        """
        asking = self._waiting.get(state)
        if asking is None or _binding(call) != _binding(asking.call):
            raise InvalidRequest(UNKNOWN)
        asking.answer(answers)
        self.forget(asking)
        asking.scope.deadline = float("inf")
        asking.report, asking.clock = call.report, call.clock
        return asking

    async def _run(self, asking: Asking, run: Callable[[Asking], Awaitable[None]]) -> None:
        try:
            await run(asking)
        finally:
            self.forget(asking)

    def _suspend(self, asking: Asking) -> str:
        state = self._states.new()
        try:
            take_each(self._places, asking.call.caller)
        except GatewayError:
            asking.scope.cancel()
            raise
        asking.scope.deadline = anyio.current_time() + self._seconds
        self._waiting[state], self._state_of[asking] = asking, state
        return state

    def forget(self, asking: Asking) -> None:
        """Gives the places of a call back that waits no more. Does nothing if it did not wait."""
        state = self._state_of.pop(asking, None)
        if state is not None:
            del self._waiting[state]
            for places in self._places:
                places.give_back(asking.call.caller)


def _binding(call: ToolCall) -> tuple[str, str, str | None]:
    return call.tool, call.entry.version if call.entry is not None else "", call.caller.owner


def waiting_calls(limits: Limits, states: WaitingStates) -> WaitingCalls[Any]:
    """Returns those of one server, whose places are also places of all servers together."""
    own = Places(limits.waiting_calls, part(limits.waiting_calls, limits.share), WAITING)
    places = [own] if limits.all_waiting is None else [own, limits.all_waiting]
    return WaitingCalls(places, limits.input_timeout, states)
