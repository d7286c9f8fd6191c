"""Sessions and streams: how many of them are one caller's."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette

from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp
from tests.gateway.sdk.sessions.opening import ENDPOINTS, initialize, listening, listens, one, refused, sessions_of
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
EXCEEDED = {"type": "share-exceeded", "retryAfter": 1}


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Starlette:
    """Serves two principals, who may each hold two of the eight sessions and streams."""
    return make_app(one(), max_sessions=8, **principals(tmp_path))


@pytest.mark.parametrize("url", ENDPOINTS)
async def test_principal_opens_its_share_of_the_sessions_and_others_open_theirs(app: Starlette, url: str) -> None:
    async with opened(app) as http:
        held = [await open_session(http, url, GREEDY) for _ in range(2)]
        answer = await initialize(http, url, GREEDY)
        assert (answer.status_code, refused(answer)) == (429, EXCEEDED)
        assert answer.json()["error"]["message"] == "Too many open sessions: one caller may have 2 of 8."
        for _ in range(2):
            await open_session(http, url, MODEST)
        assert (await http.delete(url, headers={**held[0], **GREEDY})).status_code == 200
        await open_session(http, url, GREEDY)
        assert (await initialize(http, url, GREEDY)).status_code == 429


async def test_sessions_of_all_callers_together_are_bounded(make_app: MakeApp, tmp_path: Path) -> None:
    async with opened(make_app(one(), max_sessions=2, max_share=1.0, **principals(tmp_path))) as http:
        for _ in range(2):
            await open_session(http, "/one/mcp", GREEDY)
        answer = await initialize(http, "/one/mcp", MODEST)
    assert (answer.status_code, refused(answer)) == (503, {"type": "unavailable", "retryAfter": 1})


async def test_session_that_ends_in_any_way_gives_its_place_back(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(one(), max_sessions=1, session_idle_timeout=0.05, **principals(tmp_path))
    async with opened(app) as http:
        bodies: list[Any] = [{"jsonrpc": "2.0"}, [], wire.request("tools/list"), {**wire.INITIALIZE, "id": []}]
        for body in bodies:
            answer = await http.post("/one/mcp", json=body, headers={**wire.BOTH_TYPES, **GREEDY})
            assert answer.status_code == 400
        for method in ("GET", "DELETE", "PUT"):
            assert (await http.request(method, "/one/mcp", headers={**wire.BOTH_TYPES, **GREEDY})).status_code >= 400
        for _ in range(2):
            await open_session(http, "/one/mcp", GREEDY)
            with anyio.fail_after(5):
                while sessions_of(app):  # idle
                    await anyio.sleep(0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(initialize, http, "/one/mcp", GREEDY)
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            while (await initialize(http, "/one/mcp", GREEDY)).status_code != 200:
                await anyio.sleep(0.01)


@pytest.mark.parametrize("url", ENDPOINTS)
async def test_principal_opens_its_share_of_the_streams_in_either_way(app: Starlette, url: str) -> None:
    async with opened(app) as http:
        sessions = [{**await open_session(http, url, GREEDY), **GREEDY} for _ in range(2)]
        async with AsyncExitStack() as streams:
            await streams.enter_async_context(http.stream("GET", url, headers=sessions[0]))
            first = await streams.enter_async_context(listening(http, url, GREEDY))
            assert first["method"] == "notifications/subscriptions/acknowledged"
            answer = await http.get(url, headers=sessions[1])
            assert (answer.status_code, refused(answer)) == (429, EXCEEDED)
            async with listening(http, url, GREEDY) as second:
                assert (second["error"]["code"], second["error"]["data"]) == (-32000, EXCEEDED)
            assert await listens(http, url, MODEST)
        with anyio.fail_after(5):
            for _ in range(4):  # the places are free again
                while not await listens(http, url, GREEDY):
                    await anyio.lowlevel.checkpoint()


async def test_streams_have_no_bound_below_that_of_sessions(make_app: MakeApp) -> None:
    async with opened(make_app(one(), max_sessions=1100)) as http, AsyncExitStack() as streams:
        for _ in range(1100):
            first = await streams.enter_async_context(listening(http, "/one/mcp"))
            assert "error" not in first
        async with listening(http, "/one/mcp") as first:
            assert first["error"]["data"] == {"type": "unavailable", "retryAfter": 1}
