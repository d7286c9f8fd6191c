"""The end of a child process: nothing that it started is left."""

from __future__ import annotations

import os
import signal
import time

import anyio
import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, entry

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


def is_alive(pid: int) -> bool:
    """Returns False for a process that has ended, also if nobody has read its exit code yet."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(*pids: int) -> bool:
    for _ in range(300):
        if not any(map(is_alive, pids)):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("how", ["", "legacy"])
async def test_child_and_what_it_started_end_with_the_router(serving: Serving, how: str) -> None:
    async with serving(one=entry(how)) as http:
        child = int((await post(http, "pid")).json()["result"].split()[0])
        grandchild = int((await post(http, "tree")).json()["result"])
    assert gone(child, grandchild)


async def test_child_that_ignores_every_wish_to_end_is_killed(serving: Serving) -> None:
    async with serving(one=entry("stubborn")) as http:
        child = int((await post(http, "pid")).json()["result"].split()[0])
        begun = time.monotonic()
    assert gone(child)
    assert time.monotonic() - begun < 8


async def test_many_children_that_ignore_every_wish_to_end_are_killed_together(serving: Serving) -> None:
    """One after the other they take 40 seconds, which no orchestrator waits."""
    names = [f"s{number}" for number in range(10)]
    async with serving(**{name: entry("stubborn") for name in names}) as http:
        pids = [int((await post(http, "pid", server=name)).json()["result"].split()[0]) for name in names]
        begun = time.monotonic()
    assert time.monotonic() - begun < 20
    assert gone(*pids)


async def test_what_a_child_that_died_has_started_is_ended_too(serving: Serving) -> None:
    async with serving() as http:
        grandchild = int((await post(http, "tree")).json()["result"])
        await post(http, "die")
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert gone(grandchild)


async def test_child_that_is_killed_or_closes_its_output_is_started_again(serving: Serving) -> None:
    async with serving() as http:
        child = int((await post(http, "pid")).json()["result"].split()[0])
        os.kill(child, signal.SIGKILL)
        with anyio.fail_after(5):
            while (await http.get("/one/mcp/health")).json()["starts"] == 1:
                await anyio.sleep(0.01)
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await post(http, "closes")).status_code == 502
        with anyio.fail_after(5):
            while (await post(http, "add", {"a": 1, "b": 2})).status_code != 200:
                await anyio.sleep(0.05)


async def test_router_closes_while_a_child_starts(serving: Serving) -> None:
    async with serving(one=entry("silent", startTimeout=30), two=entry()) as http:
        assert (await post(http, "add", {"a": 1, "b": 2}, server="two")).json() == {"result": 3}
