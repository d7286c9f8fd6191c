"""A call that leads nowhere passes the chain like any other."""

from __future__ import annotations

import pytest

from gateway.call import CallNext, ToolCall, ToolResult, chain
from gateway.errors import Unavailable, UnknownServer
from gateway.servers.unknown import Nowhere

pytestmark = pytest.mark.anyio
REASON = UnknownServer("two", ["one"])


async def let_through(call: ToolCall, call_next: CallNext) -> ToolResult:
    call.asked = "seen"
    return await call_next(call)


async def refuse(call: ToolCall, call_next: CallNext) -> ToolResult:
    raise Unavailable("Not now.")


async def answer(call: ToolCall, call_next: CallNext) -> ToolResult:
    return ToolResult(b"1")


async def test_it_ends_in_its_reason() -> None:
    call = ToolCall("", "add", {}, "call")
    with pytest.raises(UnknownServer) as caught:
        await Nowhere(chain([let_through]), REASON).call(call)
    assert caught.value is REASON
    assert call.asked == "seen"


async def test_what_keeps_it_from_its_reason_is_told() -> None:
    with pytest.raises(Unavailable):
        await Nowhere(chain([refuse]), REASON).call(ToolCall("", "add", {}, "call"))


async def test_nothing_can_answer_it() -> None:
    with pytest.raises(UnknownServer):
        await Nowhere(chain([answer]), REASON).call(ToolCall("", "add", {}, "call"))
