"""Many servers, and one that says too much."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.gateway.upstream.conftest import entry, written
from tests.process.live.router import Router

pytestmark = pytest.mark.process
MIB = 1024 * 1024


def peak(router: Router) -> int:
    """Returns the largest resident memory that the router has had, in bytes."""
    [line] = [
        line for line in Path(f"/proc/{router.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024


def test_line_of_sixty_megabytes_costs_little_memory_and_others_are_served(tmp_path: Path) -> None:
    with (
        Router(tmp_path, MCP_SERVERS_FILE=written(tmp_path, {"one": entry()})) as router,
        ThreadPoolExecutor(1) as pool,
    ):
        router.await_table()
        for server in ("one", "math"):
            assert router.call(server, "add", a=1, b=2)[0] == 200
        before = peak(router)
        long = pool.submit(router.call, "one", "long", size=60_000_000)
        slowest, calls = 0.0, 0
        while not long.done():
            begun = time.monotonic()
            assert router.call("math", "add", a=1, b=2)[1] == {"result": 3}
            slowest, calls = max(slowest, time.monotonic() - begun), calls + 1
        assert (long.result()[0], long.result()[1]["outcome"]) == (502, "unknown")
        assert calls > 10
        assert slowest < 1  # it is 20 ms on a quiet machine
        assert peak(router) - before < 24 * MIB  # `maxMessage` is 16
        assert router.call("one", "add", a=1, b=2)[0] == 200


def test_router_answers_at_once_in_front_of_a_hundred_servers(sdk_url: str, tmp_path: Path) -> None:
    entries = {f"good-{number}": {"url": sdk_url} for number in range(75)}
    entries |= {f"dead-{number}": entry("exit") for number in range(20)}
    entries |= {f"mute-{number}": entry("silent") for number in range(5)}
    file = written(tmp_path, {name: entries[name] for name in sorted(entries)})
    with Router(tmp_path, MCP_SERVERS_FILE=file) as router:
        router.await_table()
        begun = time.monotonic()
        assert router.call("math", "add", a=1, b=2)[1] == {"result": 3}
        assert len(router.get("/health")["servers"]) > 100
        assert time.monotonic() - begun < 2
        for number in range(75):
            assert router.call(f"good-{number}", "add", a=number, b=1)[1] == {"result": number + 1}
        assert len(router.get("/tools")["tools"]) > 75 * 5
