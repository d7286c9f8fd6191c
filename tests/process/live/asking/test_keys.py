"""Calls that asked are continued in any worker or replica that has the keys of their state."""

from __future__ import annotations

import os
import secrets
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.process.live.asking.rounds import FOLDERS, STATELESS, WAYS, Door, answers_to, pids
from tests.process.live.conftest import Start

pytestmark = pytest.mark.process


def test_every_continuation_is_understood_by_four_workers(start: Start) -> None:
    router = start(WORKERS="4", MCP_SERVERS_DIR=FOLDERS).await_table()
    pids(router, 4)
    results = Counter(way(Door(router), tool) for way in WAYS for tool in STATELESS for _ in range(27))
    assert results == {"cake of size 3": 27 * 8}, router.log()


def test_worker_that_replaces_a_dead_one_has_its_key(start: Start) -> None:
    router = start(WORKERS="2", MCP_SERVERS_DIR=FOLDERS).await_table()
    before, door = pids(router, 2), Door(router)
    asked = [door.call("by_result")[1] for _ in range(10)]
    os.kill(min(before), signal.SIGKILL)
    os.kill(max(before), signal.SIGKILL)
    router.await_log("worker exited")
    pids(router, 2, besides=before)
    assert Counter(door.call("by_result", **answers_to(each))[0] for each in asked) == {200: 10}, router.log()


def test_every_continuation_is_understood_by_three_replicas_with_one_setting(start: Start) -> None:
    keys = {"MCP_STATE_KEYS": secrets.token_hex(32), "MCP_SERVERS_DIR": FOLDERS}
    routers = [start(**keys) for _ in range(3)]
    door = Door(*(router.await_table() for router in routers))
    results = Counter(way(door, tool) for way in WAYS for tool in STATELESS for _ in range(27))
    assert results == {"cake of size 3": 27 * 8}
    assert not [router.log() for router in routers if keys["MCP_STATE_KEYS"] in router.log()]


def test_key_of_workers_is_in_no_command_line_and_no_environment(start: Start) -> None:
    router = start(WORKERS="2", MCP_SERVERS_DIR=FOLDERS, MCP_RATE_LIMIT="").await_table()
    for pid in pids(router, 2):
        process = Path(f"/proc/{pid}")
        words = (process / "cmdline").read_text() + (process / "environ").read_text()
        assert not [word for word in words.replace("=", "\0").split("\0") if len(word) == 64 and word.isalnum()]
