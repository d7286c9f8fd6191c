"""Sessions at a server of the era of sessions: opened, lost, counted and closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.handshake import Opened
from gateway.upstream.http.headers import EntryHeaders
from gateway.upstream.http.sessions import Session, SessionLimits, Sessions
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.link import LEGACY, LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, serving

pytestmark = pytest.mark.anyio
GOOD = {"content": [], "isError": False}
CALL = {"name": "tool", "arguments": {}}


async def good(asked: Asked) -> None:
    asked.result({"session": asked.headers["mcp-session-id"]})


@pytest.mark.parametrize(("status", "body"), [(404, b""), (404, b"rpc"), (400, b"rpc"), (400, b"No valid session ID")])
async def test_a_lost_session_is_opened_anew_and_the_call_sent_again(status: int, body: bytes) -> None:
    lost: set[str] = set()

    async def answer(asked: Asked) -> None:
        if asked.headers["mcp-session-id"] in lost:
            error = {"code": -32600, "message": "Session not found"}
            asked.answer(asked.encoded(error=error) if body == b"rpc" else body, status)
        else:
            await good(asked)

    async with serving(legacy(answer)) as peer, linked(peer.url, era="legacy") as link:
        assert await call(link) == {"session": "session-1"}
        lost.add("session-1")
        answers = await asyncio.gather(*(call(link) for _ in range(20)))
        assert answers == [{"session": "session-2"}] * 20
        assert len(peer.named("initialize")) == 2
        lost |= {f"session-{number}" for number in range(10)}
        with pytest.raises(LinkFailure, match="it does not know the session") as failed:
            await call(link)
        assert not failed.value.was_sent
        assert len(peer.named("initialize")) == 3


async def test_a_caller_who_leaves_while_a_session_is_opened_does_not_cancel_it() -> None:
    gate = asyncio.Event()

    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize" and len(peer.named("initialize")) == 2:
            await gate.wait()
        await sessions(asked)

    sessions = legacy(good)
    async with serving(answer) as peer, linked(peer.url, era="legacy") as link:
        first, second = (asyncio.create_task(link.request("tools/call", CALL, session="a")) for _ in range(2))
        while len(peer.named("initialize")) < 2:
            await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.wait([first])
        gate.set()
        assert await second == {"session": "session-2"}
        assert peer.named("notifications/cancelled") == []


async def test_a_server_without_sessions_is_introduced_to_once() -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize":
            asked.result({"protocolVersion": LEGACY, "capabilities": {}})
        elif asked.rpc == "tools/call":
            asked.result(GOOD)
        else:
            await sessions(asked)

    sessions = legacy(good)
    async with serving(answer) as peer, linked(peer.url, era="legacy") as link:
        for key in ("", "a", "b"):
            assert await link.request("tools/call", CALL, session=key) == GOOD
        assert len(peer.named("initialize")) == 1
        assert "mcp-session-id" not in peer.asked[-1].headers
    assert peer.named("DELETE") == []


async def test_all_sessions_are_closed_with_the_link() -> None:
    async with serving(legacy(good)) as peer:
        async with linked(peer.url, era="legacy") as link:
            for key in ("a", "b", "a"):
                await link.request("tools/call", CALL, session=key)
        closed = sorted(asked.headers["mcp-session-id"] for asked in peer.named("DELETE"))
        assert closed == ["session-1", "session-2", "session-3"]


async def test_a_session_that_cannot_be_opened_fails_its_call_alone() -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize" and 1 < len(peer.named("initialize")) < 4:
            asked.answer(b"", 503, headers={"retry-after": "9"})
        else:
            await sessions(asked)

    sessions = legacy(good)
    async with serving(answer) as peer, linked(peer.url, era="legacy") as link:
        for _ in range(2):
            with pytest.raises(LinkFailure, match="no session: it answers with status 503") as failed:
                await link.request("tools/call", CALL, session="a")
            assert (failed.value.was_sent, failed.value.retry_after) == (False, 9)
        assert await call(link) == {"session": "session-1"}
        assert await link.request("tools/call", CALL, session="a") == {"session": "session-2"}


async def test_a_server_that_refuses_sessions_ends_the_link() -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize" and len(peer.named("initialize")) > 1:
            asked.error(-32022, "Unsupported protocol version", 400)
        else:
            await sessions(asked)

    sessions = legacy(good)
    async with serving(answer) as peer, linked(peer.url, era="legacy") as link:
        with pytest.raises(LinkFailure):
            await link.request("tools/call", CALL, session="a")
        assert await link.ended() == "it refuses a session: Unsupported protocol version"


class Served:
    """Sessions whose server is a list: `ended` has those that were closed."""

    def __init__(self, **limits: Any) -> None:
        self.count = 0
        self.client = Client(Address.parse("http://127.0.0.1/"), EntryHeaders({}), 1024)
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.sessions: Sessions[Opened] = Sessions(self.client, self.open, self.end, Tasks(), SessionLimits(**limits))

    async def open(self, session: Session[Opened]) -> Opened:
        self.count += 1
        return Opened(str(self.count), LEGACY)

    async def end(self, client: Client, opened: Opened) -> None:
        self.ended.put_nowait(opened.id)

    async def use(self, key: str) -> str:
        held = self.sessions.enter(key, self.client)
        opened = await self.sessions.opened(held)
        self.sessions.leave(held)
        return opened.id


async def test_the_number_of_sessions_is_bounded_and_none_is_closed_while_it_is_used() -> None:
    served = Served(number=4)
    assert [await served.use(key) for key in ("", "a", "b", "c")] == ["1", "2", "3", "4"]
    busy = served.sessions.enter("a", served.client)
    assert [await served.use("d"), await served.ended.get()] == ["5", "3"]
    assert [await served.use(key) for key in ("a", "", "c")] == ["2", "1", "4"]
    held = [served.sessions.enter(key, served.client) for key in ("c", "d")]
    with pytest.raises(LinkFailure, match="all 4 sessions are in use") as failed:
        served.sessions.enter("e", served.client)
    assert not failed.value.was_sent
    for session in (busy, *held):
        served.sessions.leave(session)
    assert (await served.use("e"), await served.ended.get()) == ("6", "2")
    await served.sessions.close(5)
    assert sorted(served.ended.get_nowait() for _ in range(4)) == ["1", "4", "5", "6"]


@pytest.mark.slow
async def test_idle_sessions_are_closed_except_that_of_the_link() -> None:
    served = Served(idle=0.05)
    for key in ("", "a", "b"):
        await served.use(key)
    busy = served.sessions.enter("b", served.client)
    closing = asyncio.create_task(served.sessions.close_idle())
    assert await asyncio.wait_for(served.ended.get(), 5) == "2"
    served.sessions.leave(busy)
    assert await asyncio.wait_for(served.ended.get(), 5) == "3"
    assert [await served.use(key) for key in ("", "a")] == ["1", "4"]
    closing.cancel()
