"""Files whose `mcp` cannot be served in this process: one line says what it is, and how it can be served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.errors import LoadError
from gateway.upstream.config import read_upstreams
from tests.conftest import MakeApp, WriteServers

PLACE = "move the file elsewhere, and add this to the file that MCP_SERVERS_FILE names: "
OLD = ["uvx", "--from", "mcp[cli]<2", "mcp", "run"]
OF_FASTMCP = ["uvx", "fastmcp", "run"]
OLD_FASTMCP = "class FastMCP:\n    _mcp_server = None\nFastMCP.__module__ = 'fastmcp.server'\nmcp = FastMCP()"


def refused(write_servers: WriteServers, make_app: MakeApp, source: str) -> str:
    path = write_servers({"one_server.py": source}) / "one_server.py"
    with pytest.raises(LoadError) as caught:
        make_app()
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(str(path))


@pytest.mark.parametrize(
    ("source", "reason", "command"),
    [
        (
            "mcp = 42",
            ": `mcp` is of the type int, and this process serves MCPServer, Server and FastMCP 4;",
            ["python"],
        ),
        (OLD_FASTMCP, ": `mcp` is a FastMCP of another version than 4;", OF_FASTMCP),
        ("from fastmcp import FastMCP", ":1: No module named 'fastmcp'; install it with ", OF_FASTMCP),
        ("from mcp.server.fastmcp import FastMCP", ":1: No module named 'mcp.server.fastmcp'", OLD),
        ("from mcp import McpError", ":1: cannot import name 'McpError' from 'mcp'", OLD),
        (
            "from mcp.server import Server\nmcp = Server('one')\n@mcp.list_tools()\nasync def tools(): ...",
            ":3: AttributeError: 'Server' object has no attribute 'list_tools'; it is written for mcp 1;",
            OLD,
        ),
    ],
)
def test_other_make_is_refused_with_the_entry_that_would_serve_it(
    write_servers: WriteServers, make_app: MakeApp, tmp_path: Path, source: str, reason: str, command: list[str]
) -> None:
    line = refused(write_servers, make_app, source)
    assert line.startswith(reason)
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": json.loads(line.partition(PLACE)[2])}))
    [(name, entry)] = read_upstreams(tmp_path / "mcp.json").items()
    assert (name, entry.command, *entry.args) == ("one", *command, "/path/to/one_server.py")


def test_asgi_application_is_refused_with_the_entry_of_a_url(
    write_servers: WriteServers, make_app: MakeApp, tmp_path: Path
) -> None:
    source = "from starlette.applications import Starlette\nclass FastAPI(Starlette): ...\nmcp = FastAPI()"
    line = refused(write_servers, make_app, source)
    assert line.startswith(": `mcp` is an ASGI application (FastAPI), not a server; to serve it as it is, ")
    assert line.endswith(", the URL at which it runs")
    (tmp_path / "mcp.json").write_text(line.partition(PLACE)[2].rpartition(", ")[0])
    assert read_upstreams(tmp_path / "mcp.json")["one"].url == "http://127.0.0.1:PORT/mcp"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import mcp", ": `mcp` is the module 'mcp'; name the server `mcp`, and import the module as another name"),
        (
            "from mcp.server import Server as mcp",
            ": `mcp` is the class Server, not a server; create one: `mcp = Server('one')`",
        ),
        ("def mcp(): ...", ": `mcp` is the function mcp, not a server; call it: `mcp = mcp()`"),
        ("def create_server(): ...", ": defines no `mcp`; add `mcp = create_server()`"),
        (
            "from mcp.server import Server\nserver = Server('one')",
            ": defines no `mcp`; rename its server `server` to `mcp`",
        ),
        ("", ": defines no `mcp`; add `mcp = MCPServer('one')`"),
    ],
)
def test_file_that_is_nearly_right_is_refused_with_what_to_change(
    write_servers: WriteServers, make_app: MakeApp, source: str, line: str
) -> None:
    assert refused(write_servers, make_app, source) == line


def test_low_level_server_cannot_be_served_twice(
    tmp_path: Path, write_servers: WriteServers, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed.py").write_text("from mcp.server import Server\nmcp = Server('any')")
    monkeypatch.syspath_prepend(tmp_path)
    write_servers({"a_server.py": "from installed import mcp", "b_server.py": "from installed import mcp"})
    with pytest.raises(LoadError, match="its `mcp` is served by another file or app already"):
        make_app()
