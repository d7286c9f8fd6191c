"""The bound on calls in flight."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Busy:
    """A server whose tool `wait` returns when `go` is set."""

    def __init__(self, name: str = "one") -> None:
        self.begun, self.go = anyio.Event(), anyio.Event()
        self.server: MCPServer[Any] = server_of(self.wait, self.fail, name=name)

    async def wait(self) -> str:
        self.begun.set()
        await self.go.wait()
        return "done"

    async def fail(self) -> str:
        raise ToolError("no")


@pytest.mark.parametrize("era", ERAS)
async def test_call_beyond_limit_is_refused_at_once_on_every_transport_and_server(make_app: MakeApp, era: Era) -> None:
    busy, other = Busy(), Busy("two")
    async with (
        opened(make_app(busy.server, other.server, max_calls=1)) as client,
        connected(client, era, "two") as mcp,
        anyio.create_task_group() as tasks,
    ):
        answers: list[Any] = []

        async def first() -> None:
            answers.append((await post(client, "wait")).json())

        tasks.start_soon(first)
        await busy.begun.wait()
        refused = await post(client, "fail", server="two")
        over_mcp = await error_of(mcp, "fail")
        busy.go.set()

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["type"] == "urn:multi-mcp:error:unavailable"
    assert over_mcp == {
        "code": -32000,
        "message": "Too many calls in flight: the limit is 1.",
        "data": {"type": "unavailable", "retryAfter": 1},
    }
    assert answers == [{"result": "done"}]


@pytest.mark.parametrize("era", ERAS)
async def test_mcp_calls_count_too(make_app: MakeApp, era: Era) -> None:
    busy = Busy()
    async with (
        opened(make_app(busy.server, max_calls=1)) as client,
        connected(client, era) as mcp,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(mcp.call_tool, "wait")
        await busy.begun.wait()
        assert (await post(client, "wait")).status_code == 503
        busy.go.set()


async def test_failed_calls_free_their_slot(make_app: MakeApp) -> None:
    busy = Busy()
    busy.go.set()
    async with opened(make_app(busy.server, max_calls=1)) as client:
        for tool, status in (("fail", 422), ("unknown", 404), ("wait", 200), ("wait", 200)):
            assert (await post(client, tool)).status_code == status
