"""Calls in tasks of their own, because their server may ask something."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import Unavailable
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.asking.waiting import WaitingCalls
from gateway.upstream.calls.live import LiveCalls
from gateway.upstream.link import Origin
from tests.calls import make_call

pytestmark = pytest.mark.anyio


async def test_call_of_a_server_that_is_closed_before_it_begins_is_answered() -> None:
    async def send(report: Any, origin: Origin) -> dict[str, Any]:
        raise AssertionError("unreachable")

    calls = LiveCalls(WaitingCalls([], 30, WaitingStates()))
    answer = calls.begin(make_call(), Origin(), None, send)
    calls.close()
    with pytest.raises(Unavailable):
        async with asyncio.timeout(20):
            await answer
