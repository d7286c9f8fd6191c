"""Calls that wait in the body of their tool, continued over another worker of the same machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.process.live.asking.rounds import (
    FOLDERS,
    Answer,
    Door,
    answers_to,
    over_json,
    over_websocket,
    pids,
    process_of,
    worker,
)
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with Router(tmp_path_factory.mktemp("router"), WORKERS="2", MCP_SERVERS_DIR=FOLDERS) as router:
        yield router.await_table()


@pytest.fixture
def router(shared: Router) -> Iterator[Router]:
    pids(shared, 2)
    yield shared
    assert [line for line in shared.complaints() if "worker exited" not in line] == []


def test_every_call_that_waits_in_a_worker_continues_over_any_worker(router: Router) -> None:
    results = Counter(way(Door(router), "in_body") for way in (over_json, over_websocket) for _ in range(27))
    assert results == {"cake of size 3": 54}, router.log()


def test_calls_whose_worker_was_killed_are_gone_at_once_and_others_continue(router: Router) -> None:
    door = Door(router)
    asked = [door.call("in_body")[1] for _ in range(12)]
    dead = process_of(asked[0])
    os.kill(dead, signal.SIGKILL)
    router.await_log("worker exited")
    started = time.monotonic()
    statuses = [door.call("in_body", **answers_to(each))[0] for each in asked]
    assert statuses == [410 if process_of(each) == dead else 200 for each in asked]
    assert time.monotonic() - started < 12


def test_worker_that_is_killed_while_it_runs_the_call_ends_the_continuation(router: Router, note: Note) -> None:
    arguments = {"dish": "cake", "seconds": 60, "note": str(note.path)}
    asked = Door(router).call("in_body_and_waits", arguments)[1]
    owner = process_of(asked)
    answers: list[Answer] = []

    def go_on() -> None:
        with worker(router, lambda pid: pid != owner) as call:
            answers.append(call("in_body_and_waits", arguments, **answers_to(asked)))

    thread = threading.Thread(target=go_on)
    thread.start()
    note.await_lines("began", str(owner))
    started = time.monotonic()
    os.kill(owner, signal.SIGKILL)
    thread.join(timeout=10)
    assert time.monotonic() - started < 5
    [(status, problem)] = answers
    assert (status, problem["type"]) == (410, "urn:multi-mcp:error:gone")


def test_client_that_leaves_cancels_the_tool_in_the_other_worker(router: Router, note: Note) -> None:
    arguments: dict[str, Any] = {"dish": "cake", "seconds": 60, "note": str(note.path)}
    asked = Door(router).call("in_body_and_waits", arguments)[1]
    owner = process_of(asked)
    with worker(router, lambda pid: pid != owner) as call:
        call.send("in_body_and_waits", arguments, **answers_to(asked))
        note.await_lines("began", str(owner))
    note.await_lines("began", str(owner), "cancelled")


def test_only_the_routers_user_can_reach_the_sockets_and_nothing_of_them_stays(start: Start) -> None:
    with TemporaryDirectory(dir="/tmp") as place:
        router = start(WORKERS="2", MCP_SERVERS_DIR=FOLDERS, TMPDIR=place).await_table()
        pids(router, 2)
        [folder] = Path(place).glob("multi-mcp-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [path.is_socket() for path in folder.iterdir()] == [True] * 4  # for calls and for change events
        router.end()
        assert not folder.exists()


def test_folder_of_temporary_files_with_a_long_path_is_not_used_for_sockets(start: Start, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    router = start(WORKERS="2", MCP_SERVERS_DIR=FOLDERS, TMPDIR=str(long)).await_table()
    pids(router, 2)
    assert [*long.glob("multi-mcp-*")] == []
    router.end()
    assert router.complaints() == []


def test_one_worker_without_redis_makes_no_socket_for_others(start: Start, tmp_path: Path) -> None:
    router = start(MCP_SERVERS_DIR=FOLDERS, TMPDIR=str(tmp_path)).await_table()
    assert over_json(Door(router), "in_body") == "cake of size 3"
    assert [*tmp_path.glob("multi-mcp-*")] == []
