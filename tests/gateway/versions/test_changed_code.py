"""A version that was stopped, when the code of its server changes."""

from __future__ import annotations

import pytest

from tests.conftest import MakeApp, WriteServers
from tests.gateway.local.changing.conftest import until
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
CODE = """
from contextlib import asynccontextmanager
from mcp.server.mcpserver import MCPServer


@asynccontextmanager
async def lifespan(server):
    yield


mcp = MCPServer("one", lifespan=lifespan)


@mcp.tool(meta={"version": "1.0.0", "versions_of": "search"})
async def old() -> str:
    return "old"


@mcp.tool(meta={"version": "2.0.0", "versions_of": "search"})
async def new() -> str:
    raise OSError
"""


async def test_stopped_version_is_tried_again_in_new_code_but_not_for_code_that_does_not_open(
    make_app: MakeApp, write_servers: WriteServers
) -> None:
    write_servers({"one_server.py": CODE})
    async with opened(make_app(servers=(), follow=True, tool_routes="one:search=1:0,2:100")) as http:

        async def call(version: str | None = None) -> str:
            body = {"tool": "search"} | ({} if version is None else {"version": version})
            return (await http.post("/one/mcp/call", json=body)).headers["tool-version"]

        async def is_stale() -> bool:
            return bool((await http.get("/one/mcp/health")).json()["status"] == "stale")

        async def is_tried() -> bool:
            return await call() == "2.0.0"

        for version in ["1", "2"] * 20:
            await call(version)
        assert await call() == "1.0.0"
        write_servers({"one_server.py": CODE.replace("    yield", '    raise ValueError("no database")\n    yield')})
        await until(is_stale)
        assert await call() == "1.0.0"
        write_servers({"one_server.py": CODE.replace("raise OSError", 'return "new"')})
        await until(is_tried)
