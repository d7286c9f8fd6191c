"""Calls to an upstream that asks in mid-call, for clients that are asked by results: they go on while nobody waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard

from mcp.shared.exceptions import MCPError

from gateway.call import ToolCall
from gateway.sdk.asking.asking_call import AskingCall
from gateway.sdk.asking.waiting import WaitingCalls
from gateway.upstream.link import Origin, Params, Refusal, Report
from gateway.upstream.origins import askable, check_askable

Send = Callable[[Report | None, Origin], Awaitable[dict[str, Any]]]
"""Sends the request of a call, and returns its result."""


class LiveCall(AskingCall):
    """`origin` and `reporting` belong to the request that waits for the call now; it is None if none does."""

    def __init__(self, call: ToolCall, origin: Origin, reporting: Report | None) -> None:
        super().__init__(call)
        self.origin: Origin | None = origin
        self.reporting: Report | None = reporting
        self._capabilities = askable(origin.capabilities)
        self._asking = replace(origin, ask=self._ask_client, log=self._log)

    async def run(self, send: Send) -> None:
        try:
            with self.scope:
                self._result = await send(self._progress if self.reporting is not None else None, self._asking)
        except Exception as exc:  # the boundary of this task: the waiting request raises it
            self._error = exc
        finally:
            self.finish()

    async def _ask_client(self, method: str, params: Params) -> dict[str, Any]:
        check_askable(self._capabilities, method, params)
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

    def has(self, state: Any) -> TypeGuard[str]:
        """Returns True if a call waits under `state`."""
        return isinstance(state, str) and self._waiting.has(state)

    async def begin(self, call: ToolCall, origin: Origin, report: Report | None, send: Send) -> Mapping[str, Any]:
        """Returns the result of a call, or an `input_required` one with the state under which it goes on.

        Raises:
            ShareExceeded, Unavailable: too many calls wait already, or the server is closed.
            GatewayError, Refusal: the call raised it.
        """
        live = LiveCall(call, origin, report)
        return await self._next(self._waiting.begin(live, partial(LiveCall.run, send=send)))

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

    async def _next(self, live: LiveCall) -> Mapping[str, Any]:
        try:
            return await self._waiting.answered(live)
        finally:
            live.origin = live.reporting = None
