"""Frames sent to a client that reads, to one that does not, and to one that is gone."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from starlette.types import Message

from routes.websocket.outgoing import Outgoing

pytestmark = pytest.mark.anyio


class Peer:
    """The server below the application: takes messages while `reads` is set, or raises `failure`."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.waiting = 0
        self.reads = asyncio.Event()
        self.failure: Exception | None = None

    async def send(self, message: Message) -> None:
        if self.failure is not None:
            raise self.failure
        self.waiting += 1
        await self.reads.wait()
        self.waiting -= 1
        self.taken.append(message)


async def test_frames_are_sent_one_by_one_and_not_queued() -> None:
    peer = Peer()
    outgoing = Outgoing(peer.send, lambda: None)
    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(outgoing.send, b"%d" % number)
        await anyio.wait_all_tasks_blocked()
        assert (peer.waiting, peer.taken) == (1, [])
        peer.reads.set()
    assert [message["text"] for message in peer.taken] == ["0", "1", "2"]


async def test_outgoing_is_writable_when_no_frame_is_being_sent() -> None:
    peer = Peer()
    outgoing = Outgoing(peer.send, lambda: None)
    await outgoing.writable()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outgoing.send, b"{}")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(outgoing.writable)
        await anyio.wait_all_tasks_blocked()
        assert peer.taken == []
        peer.reads.set()
    assert len(peer.taken) == 1


async def test_client_that_does_not_read_in_time_is_dropped() -> None:
    peer, timeouts = Peer(), list[int]()
    outgoing = Outgoing(peer.send, lambda: timeouts.append(1), timeout=0.01)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(outgoing.send, b"{}")
    await outgoing.close(1001, "")
    assert (timeouts, outgoing.is_closed, peer.taken) == ([1], True, [])


@pytest.mark.parametrize("failure", [OSError(), RuntimeError("after sending 'websocket.close'")])
async def test_nothing_is_sent_to_a_client_that_has_disconnected(failure: Exception) -> None:
    peer = Peer()
    peer.failure = failure
    outgoing = Outgoing(peer.send, lambda: None)
    await outgoing.send(b"{}")
    assert outgoing.is_closed
    peer.failure = None
    await outgoing.send(b"{}")
    await outgoing.close(1001, "")
    assert peer.taken == []


@pytest.mark.parametrize("failure", [None, OSError()])
async def test_connection_is_closed_once_and_nothing_is_sent_afterwards(failure: Exception | None) -> None:
    peer = Peer()
    peer.failure = failure
    peer.reads.set()
    outgoing = Outgoing(peer.send, lambda: None)
    await outgoing.close(1001, "bye")
    await outgoing.close(1008, "again")
    await outgoing.send(b"{}")
    assert peer.taken == ([] if failure else [{"type": "websocket.close", "code": 1001, "reason": "bye"}])
