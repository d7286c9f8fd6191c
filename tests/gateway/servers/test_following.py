"""Files of servers that change while the application runs, with `MCP_FOLLOW=1`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.conftest import MakeApp, WriteServers
from tests.gateway.upstream.conftest import entry, written
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

SAYS = """
from helper import ANSWER
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("{name}")


@mcp.tool()
def say() -> str:
    return ANSWER + "{end}"
"""


@pytest.fixture
async def http(make_app: MakeApp, write_servers: WriteServers, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    write_servers({"one_server.py": SAYS.format(name="one", end=""), "helper.py": "ANSWER = 'first'\n"})
    file = written(tmp_path, {})
    async with opened(make_app(servers=(), servers_file=file, follow=True)) as client:
        assert (await post(client, "say")).json() == {"result": "first"}
        yield client


async def until(
    http: httpx2.AsyncClient, wanted: Any, tool: str = "say", server: str = "one", **arguments: Any
) -> None:
    """Waits until a call has this result, or this status."""
    with anyio.fail_after(15):
        while True:
            answer = await post(http, tool, arguments, server=server)
            if wanted in (answer.status_code, answer.json().get("result")):
                return
            await anyio.sleep(0.05)


async def until_logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    with anyio.fail_after(15):
        while text not in caplog.text:
            await anyio.sleep(0.05)


async def test_changed_file_and_a_changed_module_that_it_imports_answer_new_calls(
    http: httpx2.AsyncClient, write_servers: WriteServers
) -> None:
    write_servers({"helper.py": "ANSWER = 'second'\n"})
    await until(http, "second")
    write_servers({"one_server.py": SAYS.format(name="one", end=" time")})
    await until(http, "second time")


async def test_broken_file_changes_nothing_and_is_named_once(
    http: httpx2.AsyncClient, write_servers: WriteServers, caplog: pytest.LogCaptureFixture
) -> None:
    write_servers({"one_server.py": "mcp = (\n", "two_server.py": SAYS.format(name="two", end="")})
    await until(http, "first", server="two")
    assert (await post(http, "say")).json() == {"result": "first"}
    await until_logged(caplog, "the server that it would replace goes on")
    write_servers({"one_server.py": SAYS.format(name="one", end=" again")})
    await until(http, "first again")
    assert caplog.text.count("one_server.py:1: SyntaxError") == 1


async def test_servers_come_and_go_with_their_files(http: httpx2.AsyncClient, write_servers: WriteServers) -> None:
    folder = write_servers({"two_server.py": SAYS.format(name="two", end="")})
    await until(http, "first", server="two")
    (folder / "two_server.py").unlink()
    await until(http, 404, server="two")


async def test_entries_come_change_and_go(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    written(tmp_path, {"far": entry()})
    await until(http, 3, "add_tool", "far", a=1, b=2)
    written(tmp_path, {"far": entry(tools={"rename": {"add_tool": "plus"}})})
    await until(http, 3, "plus", "far", a=1, b=2)
    assert (await post(http, "add_tool", {"a": 1, "b": 2}, server="far")).status_code == 404
    written(tmp_path, {})
    await until(http, 404, "plus", "far")


@pytest.mark.parametrize(
    "text",
    ["{", '{"mcpServers": {"far": {}}}', '{"mcpServers": {"one": {"command": "x"}}}'],
    ids=["text", "entry", "name"],
)
async def test_wrong_file_of_entries_changes_nothing(
    http: httpx2.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    written(tmp_path, {"far": entry()})
    await until(http, 3, "add_tool", "far", a=1, b=2)
    (tmp_path / "mcp.json").write_text(text)
    await until_logged(caplog, "nothing is changed: ")
    assert (await post(http, "add_tool", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
    assert (await post(http, "say")).json() == {"result": "first"}


async def test_entry_that_does_not_start_replaces_nothing(
    http: httpx2.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, {"far": entry()})
    await until(http, 3, "add_tool", "far", a=1, b=2)
    written(tmp_path, {"far": entry("exit")})
    await until_logged(caplog, "its last line: a key is missing; the server that it would replace goes on")
    assert (await post(http, "add_tool", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}


async def test_name_goes_from_a_file_to_an_entry_and_back(
    http: httpx2.AsyncClient, write_servers: WriteServers, tmp_path: Path
) -> None:
    folder = write_servers({"two_server.py": SAYS.format(name="two", end="")})
    await until(http, "first", server="two")
    (folder / "two_server.py").unlink()
    written(tmp_path, {"two": entry()})
    await until(http, 3, "add_tool", "two", a=1, b=2)
    written(tmp_path, {})
    write_servers({"two_server.py": SAYS.format(name="two", end=" again")})
    await until(http, "first again", server="two")
    await until(http, 404, "add_tool", "two", a=1, b=2)
    assert (await http.get("/two/mcp/health")).json()["status"] == "ok"


async def test_module_that_could_not_be_loaded_is_loaded_when_what_it_imports_is_mended(
    http: httpx2.AsyncClient, write_servers: WriteServers, caplog: pytest.LogCaptureFixture
) -> None:
    text = SAYS.format(name="two", end="").replace("helper", "other")
    write_servers({"two_server.py": text, "other.py": "ANSWER = \n"})
    await until_logged(caplog, "other.py:1: SyntaxError")
    assert (await http.get("/two/mcp/health")).status_code == 404
    write_servers({"other.py": "ANSWER = 'mended'\n"})
    await until(http, "mended", server="two")
