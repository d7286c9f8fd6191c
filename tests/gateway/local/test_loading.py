"""Files that end as every quickstart does: they serve by themselves."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import anyio
import pytest
import uvicorn
from mcp.server.mcpserver import MCPServer

from gateway.errors import LoadError
from tests.clients import post
from tests.conftest import MakeApp, WriteServers
from tests.transport import opened

HEAD = """
import asyncio
import sys
import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer
mcp = MCPServer("one")
@mcp.tool()
def add(a: int, b: int) -> int:
    return a + b
async def serve():
    await mcp.run_stdio_async()
"""
ENDS = [
    "mcp.run()",
    "mcp.run(transport='stdio')",
    "mcp.run('streamable-http', port=9000)",
    "mcp.run(); mcp.run('sse')",
    "sys.exit(mcp.run())",
    "anyio.run(mcp.run_stdio_async)",
    "asyncio.run(mcp.run_stdio_async())",
    "asyncio.run(mcp.run_streamable_http_async(port=9000))",
    "uvicorn.run(mcp.streamable_http_app(), port=9000)",
    "uvicorn.Server(uvicorn.Config(mcp.streamable_http_app())).run()",
    "asyncio.run(uvicorn.Server(uvicorn.Config(mcp.sse_app())).serve())",
]


@pytest.mark.anyio  # an event loop runs while the file is loaded, as in a worker
@pytest.mark.parametrize("end", ENDS)
async def test_file_that_serves_by_itself_is_served_with_one_warning(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    folder = write_servers({"one_server.py": HEAD + end})
    async with opened(make_app()) as client:
        assert (await post(client, "add", {"a": 1, "b": 2})).json() == {"result": 3}
    path = folder / "one_server.py"
    assert caplog.messages == [f"{path}: it runs its server itself, which is ignored; the router serves its `mcp`"]


@pytest.mark.parametrize("end", [*ENDS, "anyio.run(serve)", "asyncio.run(serve())"])
def test_file_that_serves_by_itself_is_loaded_before_there_is_an_event_loop(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    write_servers({"one_server.py": HEAD + end})
    assert [server.name for server in make_app().state.registry] == ["one"]
    assert len(caplog.messages) == 1


LOW_LEVEL = """
import asyncio
import anyio
import mcp.server.stdio
from mcp import stdio_server
from mcp.server import Server
mcp_module, mcp = mcp, Server("one")
async def serve():
    async with stdio_server() as (read, write):
        await mcp.run(read, write, mcp.create_initialization_options())
async def serve_too():
    async with mcp_module.server.stdio.stdio_server() as streams:
        await mcp.run(*streams, mcp.create_initialization_options())
"""


@pytest.mark.parametrize("end", ["anyio.run(serve)", "asyncio.run(serve())", "asyncio.run(serve_too())"])
def test_low_level_server_that_serves_by_itself_is_loaded_with_one_warning(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    path = write_servers({"one_server.py": LOW_LEVEL + end}) / "one_server.py"
    assert [server.name for server in make_app().state.registry] == ["one"]
    assert caplog.messages == [f"{path}: it runs its server itself, which is ignored; the router serves its `mcp`"]


def test_guarded_run_is_no_run(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    write_servers({"one_server.py": HEAD + "if __name__ == '__main__':\n    mcp.run()\n"})
    make_app()
    assert caplog.messages == []


def test_other_coroutines_run_while_a_file_is_loaded_and_everything_is_restored(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    def replaced() -> list[Any]:
        return [MCPServer.run, MCPServer.run_stdio_async, anyio.run, asyncio.run, uvicorn.run, uvicorn.Server.serve]

    before = replaced()
    write_servers(
        {"one_server.py": HEAD + "async def two(): return 2\nassert asyncio.run(two()) + anyio.run(two) == 4"}
    )
    make_app()
    write_servers({"two_server.py": "1 / 0"})
    with pytest.raises(LoadError):
        make_app()
    assert replaced() == before


@pytest.mark.parametrize("end", ["sys.exit(0)", "mcp.run()\nsys.exit(3)"])
def test_file_that_exits_without_having_served_or_with_a_failure_is_refused(
    write_servers: WriteServers, make_app: MakeApp, end: str
) -> None:
    write_servers({"one_server.py": HEAD + end})
    with pytest.raises(LoadError, match="SystemExit"):
        make_app()


@pytest.mark.parametrize(
    "source",
    [
        HEAD + "mcp.add_tool(add)",
        "from mcp.server.mcpserver import MCPServer\nfrom mcp.server.mcpserver.tools import Tool\n"
        "def add(): ...\nmcp = MCPServer('one', tools=[Tool.from_function(add), Tool.from_function(add)])",
    ],
)
def test_two_tools_of_one_name_are_a_warning_with_the_file(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    path = write_servers({"one_server.py": source}) / "one_server.py"
    make_app()
    assert caplog.messages == [f"{path}: two tools are named 'add', and only one of them is served; rename one"]
    logging.getLogger("mcp.server.mcpserver.tools.tool_manager").warning("Tool already exists: later")
    assert caplog.messages[1:] == ["Tool already exists: later"]


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        (HEAD.replace("mcp = MCP", "server = mcp = MCP") + "del mcp", "rename its server `server` to `mcp`"),
        ("from mcp.server.fastmcp import FastMCP", "FastMCP is MCPServer now"),
        (
            "from fastmcp import FastMCP",
            "install it with `.venv/bin/python -m pip install -c requirements.txt 'fastmcp>=4'`",
        ),
    ],
)
def test_file_of_a_quickstart_with_another_name_is_refused_with_what_to_change(
    write_servers: WriteServers, make_app: MakeApp, source: str, advice: str
) -> None:
    assert "fastmcp" not in sys.modules
    write_servers({"one_server.py": source})
    with pytest.raises(LoadError, match=advice):
        make_app()
