"""The time limit of calls."""

from __future__ import annotations

import anyio
import pytest
from mcp.server.mcpserver import Context

from gateway.call import ToolCall, ToolResult, chain
from gateway.limits.timeout import Timeout
from tests.calls import make_call
from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Slow:
    """Tools that never return, and record that they were cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.server = server_of(self.plain, self.with_context, self.quick)

    async def plain(self) -> str:
        return await self._never("plain")

    async def with_context(self, ctx: Context) -> str:
        return await self._never("with_context")

    async def quick(self) -> str:
        await anyio.lowlevel.checkpoint()
        return "in time"

    async def _never(self, name: str) -> str:
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.append(name)
        raise AssertionError("unreachable")


@pytest.mark.parametrize("tool", ["plain", "with_context"])
async def test_slow_call_is_cancelled_and_answered_504(make_app: MakeApp, tool: str) -> None:
    slow = Slow()
    async with opened(make_app(slow.server, call_timeout=0.02)) as client:
        for answer in (await post(client, tool), await client.post(f"/one/mcp/tools/{tool}", json={})):
            assert answer.status_code == 504
            assert answer.json()["type"] == "urn:multi-mcp:error:timeout"
            assert answer.json()["detail"] == "The tool did not answer within 0.02 seconds."
    assert slow.cancelled == [tool, tool]


@pytest.mark.parametrize("tool", ["plain", "with_context"])
@pytest.mark.parametrize("era", ERAS)
async def test_slow_mcp_call_is_cancelled_and_answered_with_a_protocol_error(
    make_app: MakeApp, era: Era, tool: str
) -> None:
    slow = Slow()
    async with opened(make_app(slow.server, call_timeout=0.02)) as client, connected(client, era) as mcp:
        error = await error_of(mcp, tool)
    assert error == {
        "code": -32001,
        "message": "The tool did not answer within 0.02 seconds.",
        "data": {"type": "timeout"},
    }
    assert slow.cancelled == [tool]


async def test_call_within_the_limit_is_answered(make_app: MakeApp) -> None:
    async with opened(make_app(Slow().server, call_timeout=30)) as client, connected(client, "modern") as mcp:
        assert (await post(client, "quick")).json() == {"result": "in time"}
        assert (await mcp.call_tool("quick")).structured_content == {"result": "in time"}


async def test_timeout_error_of_the_tool_is_not_reported_as_call_timeout() -> None:
    async def execute(call: ToolCall) -> ToolResult:
        await anyio.lowlevel.checkpoint()
        raise TimeoutError("of an upstream")

    with pytest.raises(TimeoutError, match="of an upstream"):
        await chain([Timeout(30)], execute)(make_call("slow"))
