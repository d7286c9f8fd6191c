"""Child processes behind a real router: many, dead and silent ones, and a router that is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.upstream.conftest import entry, written
from tests.gateway.upstream.test_ending import gone
from tests.process.live.router import Router

pytestmark = pytest.mark.process


def started(folder: Path, entries: dict[str, Any], **settings: str) -> Router:
    return Router(folder, MCP_SERVERS_FILE=written(folder, entries), **settings)


def call(router: Router, server: str, tool: str, **arguments: Any) -> Any:
    status, body = router.call(server, tool, **arguments)
    assert status == 200, body
    return body["result"]


def test_nothing_is_left_of_children_when_the_router_is_killed(tmp_path: Path) -> None:
    """Among them some that ignore the end of their standard input, and what those have started."""
    kinds = {"reads": entry(), "ignores": entry("stubborn"), "old": entry("legacy"), "silent": entry("silent")}
    with started(tmp_path, kinds) as router:
        router.await_table()
        pids = [int(call(router, name, "pid").split()[0]) for name in ("reads", "ignores", "old")]
        pids += [int(call(router, name, "tree")) for name in ("reads", "ignores")]
        os.kill(router.process.pid, signal.SIGKILL)
        ends = time.monotonic() + 6
        while not gone(*pids):
            assert time.monotonic() < ends


def test_many_servers_of_which_some_are_dead_or_silent_delay_nobody(tmp_path: Path) -> None:
    entries = {f"good-{number}": entry("legacy", era="legacy") for number in range(25)}
    entries |= {f"dead-{number}": entry("exit") for number in range(20)}
    entries |= {f"mute-{number}": entry("silent") for number in range(5)}
    begun = time.monotonic()
    with started(tmp_path, {name: entries[name] for name in sorted(entries)}) as router:
        router.await_table()
        assert time.monotonic() - begun < 10  # most of it is Python's own start on a busy machine
        begun = time.monotonic()
        assert router.get("/health")["status"] == "ok"
        assert call(router, "math", "add", a=1, b=2) == 3
        assert time.monotonic() - begun < 2
        for number in range(25):
            assert call(router, f"good-{number}", "add", a=number, b=1) == number + 1
        states = {server["server"]: server["status"] for server in router.get("/health")["servers"]}
        assert {states[name] for name in states if name.startswith("mute")} <= {"starting", "failing"}
        assert {states[name] for name in states if name.startswith("dead")} <= {"starting", "failing"}


def test_table_shows_the_servers_that_run_elsewhere(tmp_path: Path) -> None:
    with started(tmp_path, {"good": entry(), "dead": entry("exit")}) as router:
        table = router.await_table().table
    assert [line.split()[1] for line in table if line.startswith(("good", "dead"))] == ["add_tool,", "(failing)"]


def test_each_worker_has_its_own_child(tmp_path: Path) -> None:
    with started(tmp_path, {"one": entry()}, WORKERS="2") as router:
        router.await_workers(2)
        pids = {int(call(router, "one", "pid").split()[0]) for _ in range(60)}
        assert len(pids) == 2
        router.end()
        assert router.finished() == 0
        assert gone(*pids)


def test_a_child_that_dies_often_leaves_nothing_behind(tmp_path: Path) -> None:
    with started(tmp_path, {"one": entry(), "quiet": entry()}) as router:
        router.await_table()
        assert call(router, "quiet", "add", a=1, b=2) == 3
        before = router.open_files()
        for _ in range(6):
            pid = int(call(router, "one", "pid").split()[0])
            assert router.call("one", "die")[0] == 502
            while router.call("one", "echo", message="a")[0] != 200:
                time.sleep(0.05)
            assert gone(pid)
        ends = time.monotonic() + 10
        while router.open_files() > before:  # the last connection of the test itself may be open yet
            assert time.monotonic() < ends
            time.sleep(0.05)
