"""Streams of a server of the era of sessions: notifications, questions, cancellation, and streams that are cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.upstream.link import LEGACY, LinkFailure
from tests.gateway.upstream.http.peer import Answer, Asked, call, legacy, linked, serving

pytestmark = pytest.mark.anyio
GOOD = {"content": [], "isError": False}


def telling(listen: Answer, others: Answer) -> Answer:
    """Answers as a server of sessions with a stream of notifications, which `listen` writes."""
    sessions = legacy(others)

    async def answer(asked: Asked) -> None:
        if asked.rpc == "initialize":
            capabilities = {"tools": {"listChanged": True}}
            asked.result({"protocolVersion": LEGACY, "capabilities": capabilities}, {"mcp-session-id": "s"})
        else:
            await (listen if asked.rpc == "GET" else sessions)(asked)

    return answer


async def nothing(asked: Asked) -> None:
    asked.answer(b"", 405)


async def until_asked(peer: Any, rpc: str, times: int = 1) -> Asked:
    """Waits for a request, and returns it."""
    async with asyncio.timeout(10):
        while len(peer.named(rpc)) < times:
            await asyncio.sleep(0.01)
    asked: Asked = peer.named(rpc)[times - 1]
    return asked


@pytest.mark.slow
async def test_notifications_are_heard_and_the_stream_is_opened_again() -> None:
    async def listen(asked: Asked) -> None:
        asked.stream()
        if len(peer.named("GET")) == 1:
            asked.notify("notifications/message", data="hello")
            await asked.writer.drain()
            asked.reset()

    heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    async with (
        serving(telling(listen, nothing)) as peer,
        linked(peer.url, lambda *told: heard.put_nowait(told), era="legacy"),
    ):
        assert await heard.get() == ("notifications/message", {"data": "hello"})
        # What was told meanwhile is lost, so the list may have changed.
        assert await asyncio.wait_for(heard.get(), 5) == ("notifications/tools/list_changed", {})
        assert len(peer.named("GET")) == 2
        assert {asked.headers["mcp-session-id"] for asked in peer.named("GET")} == {"s"}


@pytest.mark.parametrize("is_beside_a_call", [True, False])
async def test_a_ping_is_answered_and_other_questions_are_refused(is_beside_a_call: bool) -> None:
    async def ask(asked: Asked) -> None:
        asked.stream()
        for number, method in ((7, "ping"), ("q", "sampling/createMessage")):
            message: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": method, "params": {}}
            asked.event(json.dumps(message).encode())

    async def answer(asked: Asked) -> None:
        if asked.rpc == "POST":
            asked.answer(b"", 202)
            return
        if is_beside_a_call:
            await ask(asked)
            asked.event(asked.encoded(result=GOOD))
            asked.end()
        else:
            asked.result(GOOD)

    listen = nothing if is_beside_a_call else ask
    async with serving(telling(listen, answer)) as peer, linked(peer.url, era="legacy") as link:
        assert await call(link) == GOOD
        await until_asked(peer, "POST", 2)
        answers = sorted((asked.message for asked in peer.named("POST")), key=lambda found: str(found["id"]))
        assert answers[0] == {"jsonrpc": "2.0", "id": 7, "result": {}}
        assert (answers[1]["id"], answers[1]["error"]["code"]) == ("q", -32021 if is_beside_a_call else -32601)


@pytest.mark.slow
async def test_a_cancellation_names_the_upstream_id_and_does_not_wait_behind_its_call() -> None:
    async def mute(asked: Asked) -> None:
        if asked.rpc == "notifications/cancelled":
            asked.answer(b"", 202)

    async with serving(legacy(mute)) as peer, linked(peer.url, era="legacy") as link:
        tasks = [asyncio.create_task(call(link, n=n)) for n in range(110)]
        await until_asked(peer, "tools/call", 100)
        sent = {asked.message["params"]["arguments"]["n"]: asked.message["id"] for asked in peer.named("tools/call")}
        tasks[50].cancel()
        cancelled = await until_asked(peer, "notifications/cancelled")
        assert cancelled.message["params"]["requestId"] == sent[50]
        assert "id" not in cancelled.message
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await until_asked(peer, "notifications/cancelled", 100)
        numbers = {asked.message["params"]["requestId"] for asked in peer.named("notifications/cancelled")}
        assert numbers <= {asked.message["id"] for asked in peer.named("tools/call")}  # none that was never sent


async def test_a_stream_that_is_cut_is_read_on_from_its_last_event() -> None:
    call_id = 0

    async def answer(asked: Asked) -> None:
        nonlocal call_id
        call_id = asked.message["id"]
        asked.stream()
        asked.chunk(b"id: 1\nretry: 5\ndata:\n\n")
        asked.event(progress(call_id, 1), "2")
        asked.chunk(b"id: 3\ndata: cut")
        await asked.writer.drain()
        asked.reset()

    async def listen(asked: Asked) -> None:
        if "last-event-id" not in asked.headers:
            asked.answer(b"", 405)
            return
        asked.stream()
        if asked.headers["last-event-id"] == "2":
            asked.event(progress(call_id, 2), "3")
            asked.end()
            return
        asked.event(json.dumps({"jsonrpc": "2.0", "id": call_id, "result": GOOD}).encode())
        asked.end()

    steps: list[float] = []

    async def report(params: Mapping[str, Any]) -> None:
        steps.append(params["progress"])

    async with serving(telling(listen, answer)) as peer, linked(peer.url, era="legacy") as link:
        assert await link.request("tools/call", {"name": "x", "arguments": {}}, report) == GOOD
        assert steps == [1, 2]
        resumed = [asked.headers["last-event-id"] for asked in peer.named("GET") if "last-event-id" in asked.headers]
        assert (resumed, len(peer.named("tools/call"))) == (["2", "3"], 1)


def progress(token: int, step: int) -> bytes:
    params = {"progressToken": token, "progress": step}
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).encode()


async def test_a_stream_that_cannot_be_read_on_leaves_the_outcome_unknown() -> None:
    async def answer(asked: Asked) -> None:
        asked.stream()
        asked.chunk(b"id: 1\nretry: 5\ndata:\n\n")
        await asked.writer.drain()
        asked.close()

    async with serving(legacy(answer)) as peer, linked(peer.url, era="legacy") as link:
        with pytest.raises(LinkFailure, match="cut, and cannot be read on") as failed:
            await call(link)
        assert (failed.value.was_sent, len(peer.named("tools/call"))) == (True, 1)


@pytest.mark.slow
async def test_a_modern_stream_of_changes_is_opened_again() -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "server/discover":
            asked.result({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"listChanged": True}}})
            return
        assert asked.message["params"]["notifications"] == {"toolsListChanged": True}
        asked.stream()
        asked.notify("notifications/subscriptions/acknowledged")
        if len(peer.named("subscriptions/listen")) == 1:
            await asked.writer.drain()
            asked.reset()

    heard: asyncio.Queue[str] = asyncio.Queue()
    async with serving(answer) as peer, linked(peer.url, lambda method, _: heard.put_nowait(method)):
        assert await asyncio.wait_for(heard.get(), 5) == "notifications/tools/list_changed"
        assert len(peer.named("subscriptions/listen")) == 2
