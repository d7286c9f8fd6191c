"""Children that use more memory than their entries allow."""

from __future__ import annotations

import os
import subprocess
import sys

import anyio
import pytest

from gateway.upstream.stdio.memory import resident
from tests.clients import post
from tests.gateway.upstream.conftest import PEER, Serving, entry, status
from tests.gateway.upstream.test_ending import gone

pytestmark = pytest.mark.anyio


@pytest.fixture
def size_of_a_peer() -> int:
    child = subprocess.Popen(
        [sys.executable, "-IS", str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b'{"id": 1, "method": "initialize"}\n')
        child.stdin.flush()
        child.stdout.readline()
        return resident()[child.pid]


def test_memory_is_that_of_the_whole_process_group() -> None:
    used = resident()[os.getpgrp()]
    assert used > 1024 * 1024
    with subprocess.Popen([sys.executable, "-ISc", "input()"], stdin=subprocess.PIPE) as child:
        while resident()[os.getpgrp()] < used + 1024 * 1024:  # it has begun
            assert child.poll() is None
        assert child.stdin is not None
        child.stdin.write(b"\n")


@pytest.mark.slow
async def test_child_that_uses_too_much_with_what_it_started_is_ended_and_started_again(
    serving: Serving, size_of_a_peer: int, caplog: pytest.LogCaptureFixture
) -> None:
    limit = size_of_a_peer + 4 * 1024 * 1024
    async with serving(one=entry(maxMemory=limit), two=entry(maxMemory="1 GiB")) as http:
        first = int((await post(http, "pid")).json()["result"].split()[0])
        await post(http, "pid", server="two")
        started = int((await post(http, "tree")).json()["result"])
        async with anyio.create_task_group() as tasks:
            answers = []

            async def hang() -> None:
                answers.append(await post(http, "hang"))

            tasks.start_soon(hang)
            with anyio.fail_after(20):
                while (await http.get("/one/mcp/health")).json()["starts"] < 2:
                    await anyio.sleep(0.05)
        assert (answers[0].status_code, answers[0].json()["outcome"]) == (502, "unknown")
        health = await status(http)
        assert "MiB of memory, and maxMemory is" in health["lastReason"]
        assert gone(first, started)
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await http.get("/two/mcp/health")).json()["starts"] == 1
    failing = [record for record in caplog.records if record.getMessage() == "upstream server is failing"]
    assert [record.fields["reason"] for record in failing] == [health["lastReason"]]  # type: ignore[attr-defined]
