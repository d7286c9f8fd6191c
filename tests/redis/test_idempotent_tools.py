"""Interrupted calls with an idempotency key of tools that may run a second time, over two replicas with one Redis."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from tests.conftest import MakeApp
from tests.gateway.idempotency.once import Once
from tests.gateway.upstream.conftest import written
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.redis.redis import RedisServer
from tests.redis.test_idempotency import Replicas, call_at
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def test_call_of_an_idempotent_tool_that_the_end_of_its_replica_interrupts_runs_in_the_other(
    redis: RedisServer, make_app: MakeApp
) -> None:
    one = Once()
    apps = [make_app(one.server(), redis_url=redis.url, shutdown_grace=0.1) for _ in range(2)]
    async with opened(apps[1]) as other:
        async with opened(apps[0]) as first:
            pair = Replicas(one, first, other)
            waiting = asyncio.create_task(pair.call(0, "sets"))
            await one.begun.wait()
            waiting.cancel()
        one.go_on.set()
        with anyio.fail_after(20):
            again = await pair.call(1, "sets")
    assert (again.json(), one.runs) == ({"result": 2}, 2)


def test_idempotent_tool_elsewhere_runs_again_when_a_replica_is_killed(redis: RedisServer, tmp_path: Path) -> None:
    note = Note(tmp_path / "note")
    with ExitStack() as stack:

        def started(name: str, **settings: str) -> Router:
            (tmp_path / name).mkdir()
            return stack.enter_context(Router(tmp_path / name, **settings)).await_table()

        elsewhere = started("elsewhere", MCP_SERVERS_DIR=str(Path(__file__).parent / "servers"))
        far = {"url": f"http://127.0.0.1:{elsewhere.port}/noted/mcp", "idempotent": ["writes"]}
        settings = {"REDIS_URL": redis.url, "MCP_SERVERS_FILE": written(tmp_path, {"noted": far})}
        settings["MCP_SERVERS_DIR"] = str(tmp_path)
        killed, other = started("one", **settings), started("two", **settings)
        threads = stack.enter_context(ThreadPoolExecutor())
        threads.submit(call_at, killed.port, "writes", seconds=60, note=str(note.path))
        note.await_lines("began")
        killed.process.kill()
        threads.submit(call_at, other.port, "writes", seconds=60, note=str(note.path))
        note.await_lines("began", "began", within=30)
        for router in (other, elsewhere):
            router.process.kill()
