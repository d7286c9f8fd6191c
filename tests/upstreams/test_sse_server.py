"""Serves a server of the SDK 1.x over the transport of 2024: listed, called in each way, and killed in mid-call."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp import Client

from tests import wire
from tests.clients import ERAS, Era
from tests.gateway.upstream.conftest import written
from tests.ports import free_port
from tests.process.live.router import Router
from tests.shipped import shipped
from tests.upstreams.real import python

pytestmark = [pytest.mark.upstreams, pytest.mark.anyio]
SERVER = str(Path(__file__).parent / "servers" / "over_sse.py")


@contextmanager
def serving(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Starts the server, and waits until it accepts connections."""
    process = subprocess.Popen([python("mcp1", "python"), SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while not accepts(port):
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except ConnectionRefusedError:
        return False


@contextmanager
def routed(port: int, folder: Path) -> Iterator[Router]:
    file = written(folder, {"old": {"url": f"http://127.0.0.1:{port}/sse"}})
    with Router(folder, MCP_SERVERS_DIR=shipped(), MCP_SERVERS_FILE=file) as router:
        yield router.await_table()


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with serving(port := free_port()), routed(port, tmp_path_factory.mktemp("router")) as router:
        yield router


def test_server_is_listed_and_called_as_json(router: Router) -> None:
    assert router.call("old", "double", number=21) == (200, {"result": 42})
    assert [tool["name"] for tool in router.get("/old/mcp/tools")["tools"]] == ["double", "count", "sleep"]
    assert router.get("/old/mcp/health")["status"] == "ok"


@pytest.mark.parametrize("era", ERAS)
async def test_server_is_called_by_a_client_of_either_era(router: Router, era: Era) -> None:
    steps: list[float] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    url = f"http://127.0.0.1:{router.port}/old/mcp"
    async with Client(url, mode="legacy" if era == "legacy" else wire.MODERN) as client:
        assert len((await client.list_tools()).tools) == 3
        assert (await client.call_tool("double", {"number": 4})).structured_content == {"result": 8}
        await client.call_tool("count", {}, progress_callback=report)
    assert steps == [0, 1, 2]


def test_server_that_is_killed_in_mid_call_answers_the_next_one(tmp_path: Path) -> None:
    port = free_port()
    with serving(port) as process, routed(port, tmp_path) as router, ThreadPoolExecutor(1) as pool:
        assert router.call("old", "double", number=1)[0] == 200
        in_flight = pool.submit(router.call, "old", "sleep", seconds=60)
        time.sleep(0.3)  # nothing tells from outside that the call has reached the server
        process.kill()
        status, problem = in_flight.result()
        assert (status, problem["outcome"]) == (502, "unknown")
        with serving(port):
            assert router.call("old", "double", number=2) == (200, {"result": 4})
