"""The containers of deploy/compose as processes: a router in front of one router for each server."""

from __future__ import annotations

from pathlib import Path

import mcp
import pytest

from tests.deploy.test_manifests import COMPOSE, DEPLOY
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.shipped import shipped

pytestmark = [pytest.mark.process, pytest.mark.anyio]


def file_for(folder: Path, apart: dict[str, Router]) -> str:
    """Returns the path of the example's file, with the ports of these routers in place of the names of containers."""
    text = (DEPLOY / "compose" / "mcp.json").read_text(encoding="utf-8")
    for name, router in apart.items():
        assert f"http://{name}:8000/" in text
        text = text.replace(f"http://{name}:8000/", f"http://localhost:{router.port}/")
    (folder / "mcp.json").write_text(text, encoding="utf-8")
    return str(folder / "mcp.json")


@pytest.fixture
def apart(start: Start) -> dict[str, Router]:
    return {
        name: start(**service["environment"], MCP_SERVERS_DIR=shipped()).await_table()
        for name, service in COMPOSE["services"].items()
        if name != "router"
    }


@pytest.fixture
def front(start: Start, apart: dict[str, Router], tmp_path: Path) -> Router:
    environment = {**COMPOSE["services"]["router"]["environment"], "MCP_SERVERS_FILE": file_for(tmp_path, apart)}
    return start(**environment, MCP_SERVERS_DIR=shipped()).await_table()


async def test_servers_apart_are_served_through_the_router_on_every_way_in(front: Router) -> None:
    assert [entry["status"] for entry in front.get("/health")["servers"]] == ["ok", "ok"]
    assert front.call("math", "add_tool", a=10, b=32) == (200, {"result": 42})
    assert front.call("math", "add_tool", a=10)[0] == 422
    for mode in ("auto", "legacy"):
        for path in ("math/mcp", "mcp"):
            async with mcp.Client(f"http://127.0.0.1:{front.port}/{path}", mode=mode) as client:
                tool = "add_tool" if path == "math/mcp" else "math_add_tool"
                assert tool in {listed.name for listed in (await client.list_tools()).tools}
                assert (await client.call_tool(tool, {"a": 1, "b": 2})).structured_content == {"result": 3}


def test_one_server_is_restarted_while_the_others_are_served(front: Router, apart: dict[str, Router]) -> None:
    apart["math"].end()
    assert front.call("echo", "echo_tool", message="still here") == (200, {"result": "still here"})
    status, problem = front.call("math", "add_tool", a=1, b=2)
    assert (status, problem["outcome"]) == (502, "not-executed")
