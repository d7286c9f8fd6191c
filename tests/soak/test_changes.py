"""Entries that change again and again, and children that die: the router leaks nothing, and serves them again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.gateway.upstream.conftest import entry, written
from tests.process.live.router import Router
from tests.soak.test_soak import check_flat, state
from tests.soak.test_upstreams import children

pytestmark = pytest.mark.soak
ENTRIES = 20
SAYS = """
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("code")


@mcp.tool()
async def say() -> int:
    return {number}
"""
ROUNDS = 5
"""In each of two waves. In a round each entry changes once, after its child has died twice."""

CODES = 5
"""In each round: changes of the code of a module."""

SESSIONS = 10
"""In each round: clients whose own child dies, and which leave."""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    code(tmp_path, 0)
    folders = os.pathsep.join((str(Path(__file__).parent / "servers"), str(tmp_path / "code")))
    settings = {"MCP_SERVERS_DIR": folders, "MCP_FOLLOW": "1"}
    file = written(tmp_path, entries(0))
    with Router(tmp_path, MCP_SERVERS_FILE=file, LOG_LEVEL="error", **settings) as router:
        yield router.await_table()


def entries(number: int) -> dict[str, Any]:
    """Returns the entries of a round. The peer of this number says it in the description of a tool."""
    described: dict[str, Any] = {"tools": {"describe": {"pid": f"Round {number}."}}}
    shared = {f"shared{each}": entry(**described) for each in range(ENTRIES)}
    return {**shared, "own": entry("legacy", era="legacy", process="session", **described)}


def code(folder: Path, number: int) -> None:
    """Writes the module of a server that says its number."""
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "code_server.py").write_text(SAYS.format(number=number))


def change_code(router: Router, folder: Path, session: dict[str, str], number: int) -> None:
    """Changes the code of a server, and waits until a session that was open before is answered by it."""
    code(folder, number)
    call = wire.request("tools/call", name="say", arguments={})

    def says() -> bool:
        with router.sent("POST", "/code/mcp", session, call) as answer:
            result: Any = wire.messages(answer.read().decode())[-1]["result"]
        return bool(result["structuredContent"] == {"result": number})

    until(says)


def until(said: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not said():
        assert time.monotonic() < ends
        time.sleep(0.05)


def die_twice(router: Router, server: str) -> None:
    """Ends the child of a server, and the one that is started at once in its place."""
    assert router.call(server, "die")[0] == 502
    assert router.call(server, "die")[0] == 502


def die_in_session(router: Router) -> None:
    """Opens a session whose own child dies, and ends the session."""
    headers = wire.in_session(router.session("own"))
    call = wire.request("tools/call", name="die", arguments={})
    with router.sent("POST", "/own/mcp", headers, call) as answer:
        assert "may have run" in answer.read().decode()
    with router.sent("DELETE", "/own/mcp", headers) as answer:
        answer.read()


def change(router: Router, folder: Path, number: int) -> None:
    """Changes all entries after the death of their children, and waits until each is served as it is then."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: die_twice(router, f"shared{each}"), range(ENTRIES)))
        list(pool.map(lambda _: die_in_session(router), range(SESSIONS)))
    written(folder, entries(number))
    for name in entries(number):
        until(lambda: f"Round {number}." in json.dumps(router.get(f"/{name}/mcp/tools")))  # noqa: B023


def test_changes_and_deaths_of_children_leave_no_tasks_files_memory_or_processes(
    router: Router, tmp_path: Path
) -> None:
    numbers, versions = iter(range(1, 1000)), iter(range(1, 1000))

    def wave(rounds: int) -> tuple[dict[str, int], int]:
        session = wire.in_session(router.session("code"))
        for _ in range(rounds):
            change(router, tmp_path, next(numbers))
            for _ in range(CODES):
                change_code(router, tmp_path, session, next(versions))
        with router.sent("DELETE", "/code/mcp", session) as answer:
            answer.read()
        for name in entries(0):
            until(lambda: router.call(name, "add", a=1, b=2) == (200, {"result": 3}))  # noqa: B023
        until(lambda: children(router) <= ENTRIES + 3)  # with the leash, and the caller's own of the last entry
        return state(router), children(router)

    wave(2)
    before, processes = wave(ROUNDS)
    after, left = wave(ROUNDS)
    print(before, after, processes, left)
    check_flat(before, after)
    assert left == processes
