"""A thousand WebSockets on one worker, each with a call a second, and thousands that open and close."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.process.live.router import Router

pytestmark = [pytest.mark.soak, pytest.mark.anyio]

CONNECTIONS = 1000
SECONDS = 20
MAX_CONNECTION_MEMORY = 64
"""KiB."""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * CONNECTIONS), hard), hard))
    folder = str(Path(__file__).parent / "servers")
    with Router(tmp_path, MCP_SERVERS_DIR=folder, LOG_LEVEL="warning") as router:
        yield router.await_table()


def cpu_seconds(router: Router) -> float:
    """Returns the CPU time of the process so far."""
    fields = Path(f"/proc/{router.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def opened(router: Router, stack: AsyncExitStack, count: int) -> list[ClientConnection]:
    uri = f"ws://127.0.0.1:{router.port}/one/mcp/ws"
    found = []
    for _ in range(count // 50):
        batch = [connect(uri, compression=None, open_timeout=30, ping_interval=None) for _ in range(50)]
        found += await asyncio.gather(*(stack.enter_async_context(each) for each in batch))
    return found


async def ask(client: ClientConnection, number: int) -> float:
    """Makes a call and returns its duration in seconds."""
    call = {"id": number, "tool": "quick", "arguments": {"text": f"call {number}"}}
    started = time.perf_counter()
    await client.send(json.dumps(call))
    assert json.loads(await client.recv()) == {"id": number, "result": f"call {number}"}
    return time.perf_counter() - started


async def every_second(client: ClientConnection, offset: float, until: float) -> list[float]:
    """Makes a call each second, the first after `offset` seconds. Returns their durations."""
    times = list[float]()
    due = time.monotonic() + offset
    while due < until:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        times.append(await ask(client, len(times)))
        due += 1
    return times


async def test_thousand_connections_stay_open_with_a_call_a_second_each(
    router: Router, capsys: pytest.CaptureFixture[str]
) -> None:
    before = router.memory()
    async with AsyncExitStack() as stack:
        clients = await opened(router, stack, CONNECTIONS)
        await asyncio.gather(*(ask(client, 0) for client in clients))
        held = (router.memory() - before) / CONNECTIONS
        used, started = cpu_seconds(router), time.monotonic()
        until = started + SECONDS
        each = [every_second(client, number / CONNECTIONS, until) for number, client in enumerate(clients)]
        times = sorted(seconds for some in await asyncio.gather(*each) for seconds in some)
        used, elapsed = cpu_seconds(router) - used, time.monotonic() - started
        figures = (
            f"{CONNECTIONS} connections, {len(times) / elapsed:.0f} calls/s: {100 * used / elapsed:.0f} % CPU,"
            f" {1e6 * used / len(times):.0f} CPU us a call, p50 {1e3 * times[len(times) // 2]:.1f} ms,"
            f" p99 {1e3 * times[len(times) * 99 // 100]:.1f} ms, {held:.1f} KiB a connection"
        )
    with capsys.disabled():
        print(f"\n{figures}")
    assert len(times) >= CONNECTIONS * (SECONDS - 1)
    assert held < MAX_CONNECTION_MEMORY
    assert router.complaints() == []


async def test_closed_connections_leave_no_memory_and_no_file(router: Router) -> None:
    async def wave() -> int:
        for _ in range(5):
            async with AsyncExitStack() as stack:
                clients = await opened(router, stack, 500)
                for number, client in enumerate(clients):
                    if number % 2:
                        await client.send('{"id": 1, "tool": "slow", "arguments": {"text": "a"}}')
                        if number % 4 == 1:
                            client.transport.abort()
        deadline = time.monotonic() + 30
        while router.open_files() > 40:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        return router.memory()

    first = await wave()
    assert await wave() < first + 4 * 1024
    assert router.complaints() == []
