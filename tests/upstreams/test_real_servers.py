"""Serves servers as they are published: listed, called in each way, and killed in mid-call."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests import wire
from tests.clients import ERAS, Era
from tests.gateway.upstream.conftest import written
from tests.process.live.router import Router
from tests.shipped import shipped
from tests.upstreams.real import Real, real_servers

pytestmark = [pytest.mark.upstreams, pytest.mark.anyio]
NAMES = ("time", "git", "fetch", "sqlite", "calculator", "fast2", "fast4", "everything", "files", "memory", "thinking")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Real]:
    return {server.name: server for server in real_servers(tmp_path_factory.mktemp("data"))}


@pytest.fixture(scope="module")
def router(servers: dict[str, Real], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("router")
    file = written(folder, {name: server.entry for name, server in servers.items()})
    with Router(folder, MCP_SERVERS_DIR=shipped(), MCP_SERVERS_FILE=file, HOME=str(folder)) as router:
        yield router.await_table()


@pytest.fixture(params=NAMES)
def server(request: pytest.FixtureRequest, servers: dict[str, Real]) -> Real:
    return servers[request.param]


def called(router: Router, server: Real) -> Any:
    """Returns the status and the answer of the server's call."""
    return router.call(server.name, server.tool, **server.arguments)


def children(router: Router, server: Real) -> list[int]:
    """Returns the processes of the server that the router has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except (OSError, ProcessLookupError):
            continue
        if parent == router.process.pid and server.command in command:
            found.append(int(folder.name))
    return found


def test_server_is_listed_and_called_as_json(router: Router, server: Real) -> None:
    status, answer = called(router, server)
    assert (status, server.result in str(answer)) == (server.status, True), answer
    tools = router.get(f"/{server.name}/mcp/tools")["tools"]
    assert len(tools) == server.tools
    assert router.get(f"/{server.name}/mcp/health")["status"] == "ok"


@pytest.mark.parametrize("era", ERAS)
async def test_server_is_called_by_a_client_of_either_era(router: Router, server: Real, era: Era) -> None:
    called(router, server)  # it may be starting
    url = f"http://127.0.0.1:{router.port}/{server.name}/mcp"
    async with Client(url, mode="legacy" if era == "legacy" else wire.MODERN) as client:
        assert len((await client.list_tools()).tools) == server.tools
        result = await client.call_tool(server.tool, server.arguments)
        assert result.is_error is (server.status != 200)
        assert server.result in str(result.content)


def test_server_that_is_killed_in_mid_call_answers_the_next_one(router: Router, server: Real) -> None:
    assert called(router, server)[0] == server.status
    (child,) = children(router, server)
    before = router.get(f"/{server.name}/mcp/health")["starts"]
    os.kill(child, signal.SIGSTOP)  # so that it does not answer before it is killed
    with router.calling(server.name, server.tool, **server.arguments) as in_flight:
        router.get("/health")  # the call has been sent on when this is answered
        os.kill(child, signal.SIGKILL)
        answer = in_flight.getresponse()
        assert (answer.status, json.loads(answer.read())["outcome"]) == (502, "unknown")
    while router.get(f"/{server.name}/mcp/health")["starts"] == before:
        time.sleep(0.01)
    assert called(router, server)[0] == server.status
    assert children(router, server) != [child]
