"""The chain of interceptors around a call."""

from __future__ import annotations

import pytest

from gateway.call import CallNext, Interceptor, ToolCall, ToolResult, chain
from tests.calls import make_call

pytestmark = pytest.mark.anyio


class Noting:
    """An interceptor that records when it begins and ends."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name, self._notes = name, notes

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        self._notes.append(f"{self._name} begins")
        try:
            return await call_next(call)
        finally:
            self._notes.append(f"{self._name} ends")


async def refuse(call: ToolCall, call_next: CallNext) -> ToolResult:
    return ToolResult(b"refused")


def noting_handler(notes: list[str]) -> CallNext:
    async def handler(call: ToolCall) -> ToolResult:
        notes.append(call.tool)
        return ToolResult(b"answered")

    return handler


@pytest.mark.parametrize("names", ["", "a", "abc"])
async def test_first_interceptor_is_outermost_and_each_is_optional(names: str) -> None:
    notes: list[str] = []
    handler = chain([Noting(name, notes) for name in names], noting_handler(notes))
    result = await handler(make_call("echo"))
    assert result.body == b"answered"
    assert notes == [*(f"{name} begins" for name in names), "echo", *(f"{name} ends" for name in reversed(names))]


async def test_interceptor_may_answer_without_the_handler() -> None:
    notes: list[str] = []
    interceptors: list[Interceptor] = [Noting("a", notes), refuse, Noting("b", notes)]
    assert (await chain(interceptors, noting_handler(notes))(make_call("echo"))).body == b"refused"
    assert notes == ["a begins", "a ends"]


@pytest.mark.slow
async def test_one_chain_serves_many_calls() -> None:
    notes: list[str] = []
    handler = chain([Noting("a", notes)], noting_handler(notes))
    for _ in range(2):
        await handler(make_call("echo"))
    assert notes == ["a begins", "echo", "a ends"] * 2
