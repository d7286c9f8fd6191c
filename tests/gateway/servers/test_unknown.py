"""Calls of unknown servers and tools, which pass the interceptors like any other call."""

from __future__ import annotations

import pytest

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import Unavailable, UnknownServer
from gateway.servers.unknown import UnknownTarget
from tests.calls import make_call

pytestmark = pytest.mark.anyio
REASON = UnknownServer("two", ["one"])


async def refuse(call: ToolCall, call_next: CallNext) -> ToolResult:
    raise Unavailable("Not now.")


async def answer(call: ToolCall, call_next: CallNext) -> ToolResult:
    return ToolResult(b"1")


async def test_call_passes_the_interceptors_and_raises_the_reason() -> None:
    seen = []

    async def pass_on(call: ToolCall, call_next: CallNext) -> ToolResult:
        seen.append(call.tool)
        return await call_next(call)

    with pytest.raises(UnknownServer) as caught:
        await UnknownTarget([pass_on], REASON).call(make_call("add", server=""))
    assert caught.value is REASON
    assert seen == ["add"]


async def test_refusal_of_an_interceptor_comes_first() -> None:
    with pytest.raises(Unavailable):
        await UnknownTarget([refuse], REASON).call(make_call("add", server=""))


async def test_interceptor_cannot_answer_for_an_unknown_target() -> None:
    with pytest.raises(UnknownServer):
        await UnknownTarget([answer], REASON).call(make_call("add", server=""))


def test_unknown_target_has_no_tools() -> None:
    assert UnknownTarget([], REASON).tools() == ()
    assert UnknownTarget([], REASON).find("add") is None
