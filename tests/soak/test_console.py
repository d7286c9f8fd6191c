"""Ten pages of the console that read nothing, at as many calls a second as this machine makes."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from itertools import chain
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from tests.process.live.router import Router
from tests.soak.test_websocket import ask, opened

pytestmark = [pytest.mark.soak, pytest.mark.anyio]
CONNECTIONS, VIEWERS, SECONDS = 50, 10, 10
MAX_GROWTH = 48 * 1024
"""KiB. Each viewer has what its connection holds, and each call of the ring is there before the viewers come."""

MAX_SLOWER, SLACK = 3.0, 0.05
"""The p99 with viewers is at most so many times that without them, and so many seconds more."""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    folder = str(Path(__file__).parent / "servers")
    with Router(tmp_path, MCP_SERVERS_DIR=folder, LOG_LEVEL="warning", MCP_CONSOLE="1") as router:
        yield router.await_table()


def viewer(router: Router) -> socket.socket:
    """Opens the event stream of a page, and reads nothing of it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(30)
    made.connect(("127.0.0.1", router.port))
    made.sendall(b"GET /console/data/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return made


async def at_full_speed(clients: list[ClientConnection]) -> list[float]:
    """Makes calls on each connection, one after the other. Returns their durations in seconds, sorted."""
    until = time.monotonic() + SECONDS

    async def calls(client: ClientConnection) -> list[float]:
        times = list[float]()
        while time.monotonic() < until:
            times.append(await ask(client, len(times)))
        return times

    return sorted(chain.from_iterable(await asyncio.gather(*map(calls, clients))))


async def test_viewers_that_read_nothing_leave_memory_and_calls_as_they_are(
    router: Router, capsys: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as stack:
        clients = await opened(router, stack, CONNECTIONS)
        alone = await at_full_speed(clients)
        before = router.memory()
        with ExitStack() as sockets:
            viewers = [sockets.enter_context(viewer(router)) for _ in range(VIEWERS)]
            watched = await at_full_speed(clients)
            growth = router.memory() - before
            first, seen, missed = await asyncio.to_thread(read, viewers[0], len(alone) + len(watched))
    slow, slow_watched = (times[len(times) * 99 // 100] for times in (alone, watched))
    with capsys.disabled():
        print(
            f"\n{len(alone) / SECONDS:.0f} calls/s, p99 {slow * 1000:.1f} ms; with {VIEWERS} viewers that read nothing "
            f"{len(watched) / SECONDS:.0f} calls/s, p99 {slow_watched * 1000:.1f} ms, {growth} KiB more; "
            f"one of them read {seen} calls and was told that it missed {missed}"
        )
    assert growth < MAX_GROWTH
    assert slow_watched < MAX_SLOWER * slow + SLACK
    assert seen + missed == len(alone) + len(watched) - first + 1


def read(viewer: socket.socket, last: int) -> tuple[int, int, int]:
    """Reads a stream up to the last call.

    Returns the number of its first call, how many calls are in it, and how many it says are not.
    """
    numbers, missed = list[int](), 0
    with viewer.makefile("rb") as lines:
        while last not in numbers:
            line = lines.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: ") and "calls" in (data := json.loads(line[6:])):
                numbers += [call["number"] for call in data["calls"]]
                missed += data["missed"]
    return min(numbers), len(numbers), missed
