"""Clients that come back: with the id of an old session, or with a second stream in place of a dead one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context

from tests import wire
from tests.clients import open_session, open_sessions
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
URLS = ["/math/mcp", "/mcp/"]


async def notify(ctx: Context) -> str:
    await ctx.session.send_tool_list_changed()
    return "sent"


async def text_of(stream: httpx2.Response) -> str:
    """Returns what the stream has sent when it ends."""
    with anyio.fail_after(5):
        return (await stream.aread()).decode()


async def reopened(client: httpx2.AsyncClient, url: str, session: dict[str, str]) -> httpx2.Response:
    return await client.post(url, json=wire.INITIALIZE, headers=session)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.slow
async def test_initialize_with_the_id_of_an_old_session_opens_a_new_one(client: httpx2.AsyncClient, url: str) -> None:
    ended = await open_session(client, url)
    await client.delete(url, headers=ended)
    for old in (ended, wire.in_session("unknown"), wire.in_session("")):
        before = await open_sessions(client)
        answer = await reopened(client, url, old)
        new = answer.headers["mcp-session-id"]
        assert (answer.status_code, new != old["mcp-session-id"]) == (200, True)
        assert await open_sessions(client) == before + 1
        assert (await client.post(url, json=wire.request("ping"), headers=wire.in_session(new))).status_code == 200
        assert (await client.post(url, json=wire.request("ping"), headers=old)).status_code in (400, 404)


async def test_initialize_in_an_open_session_opens_no_other(client: httpx2.AsyncClient) -> None:
    session = await open_session(client, "/math/mcp")
    before = await open_sessions(client)
    answer = await reopened(client, "/math/mcp", session)
    assert (answer.status_code, answer.headers["mcp-session-id"]) == (200, session["mcp-session-id"])
    assert await open_sessions(client) == before


async def test_session_of_another_principal_is_like_an_unknown_one(make_app: MakeApp, tmp_path: Path) -> None:
    keys = [bearer(add_key(tmp_path / "keys.json", name, "*:*")) for name in ("one", "two")]
    async with opened(make_app(server_of(notify), auth_keys=str(tmp_path / "keys.json"))) as client:
        theirs = await open_session(client, "/one/mcp", keys[0])
        async with client.stream("GET", "/one/mcp", headers={**theirs, **keys[0]}) as stream:
            for session in (theirs, wire.in_session("unknown")):
                assert (await client.get("/one/mcp", headers={**session, **keys[1]})).status_code == 404
                answer = await reopened(client, "/one/mcp", {**session, **keys[1]})
                assert answer.headers["mcp-session-id"] != theirs["mcp-session-id"]
            call = wire.request("tools/call", name="notify", arguments={})
            await client.post("/one/mcp", json=call, headers={**theirs, **keys[0]})
            await client.delete("/one/mcp", headers={**theirs, **keys[0]})
            assert "list_changed" in await text_of(stream)


async def test_new_session_counts_in_the_limit(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(notify), max_sessions=1)) as client:
        await open_session(client, "/one/mcp")
        assert (await reopened(client, "/one/mcp", wire.in_session("unknown"))).status_code == 503


@pytest.mark.parametrize("second", [False, True])
async def test_second_stream_of_a_session_ends_the_first_and_gets_the_messages(make_app: MakeApp, second: bool) -> None:
    async with opened(make_app(server_of(notify))) as client:
        session = await open_session(client, "/one/mcp")
        call = wire.request("tools/call", name="notify", arguments={})
        more: dict[str, str] = {}
        async with client.stream("GET", "/one/mcp", headers=session) as first:
            if second:  # the first has sent something, and the second resumes it
                await client.post("/one/mcp", json=call, headers=session)
                more = {"last-event-id": await event_id(first)}
            async with client.stream("GET", "/one/mcp", headers={**session, **more}) as other:
                assert other.status_code == 200
                if not second:
                    assert "data" not in await text_of(first)
                await client.post("/one/mcp", json=call, headers=session)
                assert await event_id(other)
                assert await open_sessions(client) == 1


@pytest.mark.slow
async def test_of_many_streams_of_a_session_the_last_one_stays(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(notify), max_sessions=2)) as client:
        session = await open_session(client, "/one/mcp")
        ended: list[Any] = []

        async def listen() -> None:
            async with client.stream("GET", "/one/mcp", headers=session) as stream:
                assert stream.status_code == 200
                ended.append((await stream.aread()).count(b"list_changed"))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(listen)
                while len(ended) < 7:
                    await anyio.lowlevel.checkpoint()
                call = wire.request("tools/call", name="notify", arguments={})
                await client.post("/one/mcp", json=call, headers=session)
                await client.delete("/one/mcp", headers=session)
        assert ended == [0] * 7 + [1]


async def event_id(stream: httpx2.Response) -> str:
    """Returns the id of the next event."""
    with anyio.fail_after(5):
        async for line in stream.aiter_lines():
            if line.startswith("id:"):
                return line.removeprefix("id:").strip()
    raise AssertionError("the stream has ended")
