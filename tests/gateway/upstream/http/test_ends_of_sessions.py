"""Sessions at a server of the era of sessions end with the sessions of their clients."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import connected, open_session
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked, Peer, call, legacy, linked
from tests.gateway.upstream.http.peer import serving as serving_peer
from tests.gateway.upstream.instances.twins import twins
from tests.gateway.upstream.reaching import Headers, call_of
from tests.gateway.upstream.sse.peer import sse_server
from tests.wire import messages

pytestmark = pytest.mark.anyio


class Old:
    """A server of that era. `slow` answers when it is `released`, and `called` has the session of each call."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.called: list[str] = []
        self.peer = Peer(self.answer)

    async def answer(self, asked: Asked) -> None:
        if asked.rpc == "tools/list":
            asked.result({"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("tool", "slow")]})
        elif asked.rpc == "notifications/cancelled":
            asked.answer(b"", 202)
        else:
            session = asked.headers["mcp-session-id"]
            self.called.append(session)
            if asked.message["params"]["name"] == "slow":
                await self.released.wait()
            asked.result({"content": [{"type": "text", "text": session}]})

    async def has_called(self, number: int) -> None:
        with anyio.fail_after(20):
            while len(self.called) < number:
                await anyio.sleep(0.01)

    async def has_ended(self, *sessions: str) -> None:
        """Waits until it was told so of these sessions, and of no others."""
        with anyio.fail_after(20):
            while len(self.ended) < len(sessions):
                await anyio.sleep(0.01)
        assert sorted(self.ended) == sorted(sessions)

    @property
    def ended(self) -> list[str]:
        return [asked.headers["mcp-session-id"] for asked in self.peer.named("DELETE")]


@pytest.fixture
async def old() -> Any:
    server = Old()
    async with serving_peer(legacy(server.answer)) as server.peer:
        yield server


def entry(old: Old) -> dict[str, Any]:
    return {"type": "http", "url": old.peer.url, "era": "legacy"}


async def in_session(http: httpx2.AsyncClient, tool: str, session: Headers, url: str = "/one/mcp") -> str:
    """Calls a tool in a legacy session, and returns its text."""
    answer = await http.post(url, json=call_of(tool), headers=session)
    text: str = messages(answer.text)[-1]["result"]["content"][0]["text"]
    return text


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_session_upstream_ends_with_that_of_its_client_and_no_other_does(
    serving: Serving, old: Old, url: str
) -> None:
    tool = "tool" if url == "/one/mcp" else "one_tool"
    async with serving(one=entry(old)) as http:
        await status(http)
        sessions = [await open_session(http, url) for _ in range(2)]
        first, second = [await in_session(http, tool, session, url) for session in sessions]
        assert len({first, second, "session-1"}) == 3
        await http.delete(url, headers=sessions[0])
        await old.has_ended(first)
        assert await in_session(http, tool, sessions[1], url) == second
    await old.has_ended(first, second, "session-1")


@pytest.mark.slow
async def test_session_upstream_ends_when_its_client_is_idle(serving: Serving, old: Old) -> None:
    async with serving({"session_idle_timeout": 2}, one=entry(old)) as http:
        await status(http)
        found = await in_session(http, "tool", await open_session(http, "/one/mcp"))
        await old.has_ended(found)


@pytest.mark.slow
async def test_call_in_flight_is_cancelled_before_its_session_ends(serving: Serving, old: Old) -> None:
    async with serving(one=entry(old)) as http, anyio.create_task_group() as tasks:
        await status(http)
        session = await open_session(http, "/one/mcp")
        tasks.start_soon(lambda: http.post("/one/mcp", json=call_of("slow"), headers=session))
        await old.has_called(1)
        await http.delete("/one/mcp", headers=session)
        await old.has_ended(old.called[0])
        assert [asked.rpc for asked in old.peer.asked][-2:] == ["notifications/cancelled", "DELETE"]
        tasks.cancel_scope.cancel()


async def test_session_that_is_left_ends_after_its_last_request(old: Old) -> None:
    async with linked(old.peer.url, era="legacy") as link:
        slow = asyncio.create_task(link.request("tools/call", {"name": "slow"}, session="a"))
        await old.has_called(1)
        link.leave("a")
        assert (await call(link))["content"][0]["text"] == "session-1"
        assert old.ended == []
        old.released.set()
        await slow
        await old.has_ended("session-2")
        again = await link.request("tools/call", {"name": "tool"}, session="a")
        assert again["content"][0]["text"] == "session-3"


async def test_session_whose_caller_leaves_while_it_is_opened_ends_with_its_client(old: Old) -> None:
    gate, opening = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize" and old.peer.named("initialize")[1:]:
            opening.set()
            await gate.wait()
        await speak(asked)

    speak = legacy(old.answer)
    async with serving_peer(answer) as old.peer, linked(old.peer.url, era="legacy") as link:
        leaving = asyncio.create_task(link.request("tools/call", {"name": "tool"}, session="a"))
        await opening.wait()
        leaving.cancel()
        await asyncio.wait([leaving])
        link.leave("a")
        gate.set()
        await old.has_ended("session-2")


@pytest.mark.slow
async def test_session_ends_at_the_instance_that_had_it(serving: Serving) -> None:
    async with twins(serving, era="legacy") as three:
        session = await open_session(three.http, "/one/mcp")
        name = await in_session(three.http, "tool", session)
        await three.http.delete("/one/mcp", headers=session)
        home = next(twin for twin in three if twin.name == name)
        used = home.peer.named("tools/call")[-1].headers["mcp-session-id"]
        with anyio.fail_after(20):
            while not (ended := [asked for twin in three for asked in twin.peer.named("DELETE")]):
                await anyio.sleep(0.01)
        assert ended == home.peer.named("DELETE")
        assert [asked.headers["mcp-session-id"] for asked in ended] == [used]


@pytest.mark.slow
async def test_stream_of_2024_ends_with_the_session_of_its_client(serving: Serving) -> None:
    async with sse_server() as server, serving(one=server.entry()) as http, AsyncExitStack() as other:
        await status(http)
        staying = await other.enter_async_context(connected(http, "legacy"))
        await staying.call_tool("tool", {})
        kept = server.named("tools/call")[-1].target.rpartition("=")[2]
        async with connected(http, "legacy") as leaving:
            await leaving.call_tool("tool", {})
            left = server.named("tools/call")[-1].target.rpartition("=")[2]
        with anyio.fail_after(20):
            while not server.streams[left].asked.writer.is_closing():
                await anyio.sleep(0.01)
        assert not server.streams[kept].asked.writer.is_closing()
        await staying.call_tool("tool", {})
        assert server.named("tools/call")[-1].target.rpartition("=")[2] == kept
