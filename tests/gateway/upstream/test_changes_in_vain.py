"""An entry that changes to one that cannot be used: the server goes on as before, and says so."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import anyio
import pytest

from gateway.upstream.config import Upstream
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.memory import Memory
from gateway.upstream.stdio.opening import StdioOpening
from tests.clients import open_session, post
from tests.conftest import MakeApp
from tests.gateway.upstream.changing import changing
from tests.gateway.upstream.conftest import Serving, entry, status, written
from tests.gateway.upstream.http.peer import serving as serving_peer
from tests.gateway.upstream.test_changes import Slow
from tests.ports import free_port
from tests.transport import opened
from tests.wire import messages, request

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ADD = {"a": 1, "b": 2}


async def test_server_that_cannot_be_changed_goes_on_and_says_why(
    serving: Serving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with changing(serving, tmp_path, entry()) as changed:
        before, session = await changed.pid(), await open_session(changed.http, "/one/mcp")
        changed.write(one=entry("exit"))
        health = await changed.health("stale")
        assert "its last line: a key is missing" in health["reason"]
        assert "a key is missing; the server that it would replace goes on" in caplog.text
        assert [server["status"] for server in (await changed.http.get("/health")).json()["servers"]] == ["stale"]
        assert await changed.pid() == before
        await changed.to(entry(timeout=20))
        await changed.health("ok")
        listed = await changed.http.post("/one/mcp", json=request("tools/list"), headers=session)
        assert messages(listed.text)[-1]["result"]["tools"]


async def test_server_is_stale_while_the_file_cannot_be_read(serving: Serving, tmp_path: Path) -> None:
    async with changing(serving, tmp_path, entry()) as changed:
        before = await changed.pid()
        (tmp_path / "mcp.json").write_text("{")
        assert "not JSON" in (await changed.health("stale"))["reason"]
        changed.write(one=entry())
        await changed.health("ok")
        assert await changed.pid() == before


async def test_change_is_tried_again_until_the_server_can_be_reached(serving: Serving, tmp_path: Path) -> None:
    port = free_port()
    async with changing(serving, tmp_path, entry()) as changed:
        changed.write(one={"url": f"http://127.0.0.1:{port}/mcp"})
        await changed.health("stale")
        assert (await post(changed.http, "add_tool", ADD)).json() == {"result": 3}
        async with serving_peer(Slow().answer, port=port):
            await changed.health("ok")
            assert await changed.pid() == 1


async def test_server_that_fails_is_changed_at_once(serving: Serving, tmp_path: Path) -> None:
    async with changing(serving, tmp_path, entry()) as changed:
        changed.write(one=entry(), two=entry("exit"))
        with anyio.fail_after(10):
            while (await changed.http.get("/two/mcp/health")).json().get("status") != "failing":
                await anyio.sleep(0.02)
        changed.write(one=entry(), two={"url": f"http://127.0.0.1:{free_port()}/mcp"})
        with anyio.fail_after(10):
            while "connect" not in (await changed.http.get("/two/mcp/health")).json().get("reason", ""):
                await anyio.sleep(0.02)
        changed.write(one=entry(), two=entry())
        with anyio.fail_after(10):
            while (await post(changed.http, "add_tool", ADD, server="two")).status_code != 200:
                await anyio.sleep(0.02)


async def test_change_that_hangs_delays_no_other_and_is_given_up_for_a_later_one(
    serving: Serving, tmp_path: Path
) -> None:
    async with changing(serving, tmp_path, entry()) as changed:
        before = await changed.pid()
        changed.write(one=entry("silent", startTimeout=60), two=entry())
        with anyio.fail_after(10):
            while (await post(changed.http, "add_tool", ADD, server="two")).status_code != 200:
                await anyio.sleep(0.02)
        assert await changed.pid() == before
        await changed.to(entry(timeout=20))
        await changed.ended(before)


async def test_server_that_is_removed_while_it_changes_leaves_nothing(serving: Serving, tmp_path: Path) -> None:
    async with changing(serving, tmp_path, entry()) as changed:
        before = await changed.pid()
        changed.write(one=entry("silent", startTimeout=60), two=entry())
        with anyio.fail_after(10):
            while (await post(changed.http, "add_tool", ADD, server="two")).status_code != 200:
                await anyio.sleep(0.02)
        changed.write(two=entry())
        with anyio.fail_after(10):
            while (await post(changed.http, "add_tool", ADD)).status_code != 404:
                await anyio.sleep(0.02)
        await changed.ended(before)
        assert (await post(changed.http, "add_tool", ADD, server="two")).json() == {"result": 3}


def children() -> set[int]:
    """Returns the processes that this one has started."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


async def test_router_that_closes_while_a_change_is_given_up_leaves_no_process(
    make_app: MakeApp, tmp_path: Path
) -> None:
    others, app = children(), make_app(servers_file=written(tmp_path, {"one": entry()}))
    silent = Upstream.model_validate({"type": "stdio", **entry("silent"), "startTimeout": 60})
    opening = StdioOpening("one", silent, os.environ, Leash(), Memory())
    async with opened(app) as http:
        await status(http)
        count = len(children())
        change = asyncio.create_task(app.state.registry["one"].change(silent, opening, None, 1))
        with anyio.fail_after(10):
            while len(children()) == count:
                await anyio.sleep(0.02)
        change.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([change])
    assert (change.cancelled(), children() <= others) == (True, True)
