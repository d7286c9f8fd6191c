"""Calls over JSON that go on to an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway.call import ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import InvalidRequest
from gateway.sdk.asking.states import NOT_OF_THIS_CALL, WaitingStates, names_a_waiting_call
from gateway.upstream.backend import Backend
from gateway.upstream.calls.live import LiveCalls
from gateway.upstream.calls.origins import json_origin
from gateway.upstream.calls.rounds import ASKS
from gateway.upstream.link import Params, Refusal, Report
from gateway.upstream.results import asking_result, refused, tool_result
from gateway.upstream.tools import UpstreamTool


class JsonCalls:
    """A caller over JSON is a client that can be asked for everything, and that is asked by results."""

    def __init__(self, live: LiveCalls, states: WaitingStates, max_result: int) -> None:
        self._live = live
        self._states = states
        self._max_result = max_result

    async def call(self, backend: Backend, tool: UpstreamTool, call: ToolCall) -> ToolResult:
        """Calls the tool of `backend`, or goes on with the call that `call.state` names.

        Raises:
            InvalidRequest: the state is of another call, or the answers do not fit.
            GatewayError
        """
        try:
            result = await self._answered(backend, tool, call)
        except Refusal as exc:
            if exc.data == {"reason": "invalid_request_state"}:
                raise InvalidRequest(NOT_OF_THIS_CALL) from exc
            return refused(exc)
        if result.get("resultType") == ASKS:
            return asking_result(result, self._max_result)
        return tool_result(tool, result, call.wants_wire, self._max_result)

    async def _answered(self, backend: Backend, tool: UpstreamTool, call: ToolCall) -> Mapping[str, Any]:
        origin, report = json_origin(call), _reporting(call)
        if names_a_waiting_call(call.state):
            return await self._live.go_on(call, origin, report, state=call.state, answers=call.answers)
        params: dict[str, Any] = {"name": tool.own_name, "arguments": call.arguments}
        session = caller.get().key
        place = backend.place(session)
        send = partial(backend.request, "tools/call", params, session=session, place=place)
        if call.state is None and not await backend.is_modern(place):
            return await self._live.begin(call, origin, report, lambda report, origin: send(report, origin=origin))
        if call.state is not None and (state := self._states.theirs_in(call.state, call)) is not None:
            params["requestState"] = state
        if call.answers is not None:
            params["inputResponses"] = dict(call.answers)
        result = await send(report, origin=origin)
        if result.get("resultType") == ASKS:
            theirs = result.get("requestState")
            result["requestState"] = self._states.of_theirs(theirs if isinstance(theirs, str) else None, call)
        return result


def _reporting(call: ToolCall) -> Report | None:
    """Returns what takes the progress of a call over JSON; None if nobody listens."""
    report, clock = call.report, call.clock
    if report is None:
        return None

    async def progressed(params: Params) -> None:
        if clock is not None:
            clock.progressed()
        await report("progress", {key: params[key] for key in ("progress", "total", "message") if key in params})

    return progressed
