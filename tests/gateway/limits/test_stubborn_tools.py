"""Tools that ignore their cancellation: their callers are answered, and their places stay taken."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anyio
import pytest
from mcp.server.mcpserver import Context

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix.target import Target
from tests.matrix.ways import SLOWLY, WAYS
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Stubborn:
    """Tools that ignore their cancellation until `let_go` is set."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.server = server_of(self.plain, self.with_context, self.quick)

    async def plain(self) -> str:
        return await self._ignore()

    async def with_context(self, ctx: Context) -> str:
        return await self._ignore()

    async def quick(self) -> str:
        return "quick"

    async def _ignore(self) -> str:
        while not self.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await self.let_go.wait()
        return "much later"


@pytest.mark.parametrize("tool", ["plain", "with_context"])
@pytest.mark.parametrize("way", SLOWLY)
async def test_caller_is_answered_at_the_limit_also_if_the_tool_ignores_its_cancellation(
    make_app: MakeApp, way: str, tool: str
) -> None:
    stubborn = Stubborn()
    app = make_app(stubborn.server, graphql=GRAPHQL, call_timeout=0.05, max_calls=1)
    async with opened(app) as http:
        target = Target(app, http)
        assert (await WAYS[way](target, tool, {}, {})).slug == "timeout"
        # The tool still runs, so its place is taken until it ends.
        assert (await WAYS[way](target, "quick", {}, {})).slug == "unavailable"
        stubborn.let_go.set()
        await anyio.wait_all_tasks_blocked()
        assert (await WAYS[way](target, "quick", {}, {})).slug == "ok"


async def test_client_that_leaves_does_not_wait_for_a_tool_that_ignores_its_cancellation(make_app: MakeApp) -> None:
    stubborn = Stubborn()
    app = make_app(stubborn.server, max_calls=1)
    async with opened(app) as http:
        with anyio.move_on_after(0.3):
            await post(http, "plain")
        assert (await post(http, "quick")).status_code == 503
        stubborn.let_go.set()
        await anyio.wait_all_tasks_blocked()
        assert (await post(http, "quick")).status_code == 200
