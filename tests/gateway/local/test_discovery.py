"""Discovery of servers in the servers folders, and the errors of files that cannot be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app import create_app
from gateway.errors import LoadError
from gateway.naming import RESERVED
from settings.values import Settings
from tests.conftest import MakeApp, WriteServers

SERVER = "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('any')\n"


def names(app: Any) -> list[str]:
    return [server.name for server in app.state.registry]


@pytest.mark.slow
def test_server_modules_and_packages_are_served_under_their_names(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    write_servers(
        {
            "b_server.py": SERVER,
            "a_server/__init__.py": SERVER,
            "one-two_3_server.py": SERVER,
            "x" * 40 + "_server.py": SERVER,
            "0_server.py": SERVER,
            "a_tools.py": "raise RuntimeError",
            "server.py": "raise RuntimeError",
            "notes_server.txt": "",
            "folder_server/notes.txt": "",
        }
    )
    assert names(make_app()) == ["0", "a", "b", "one-two_3", "x" * 40]


def test_selected_servers_are_served_in_the_given_order(write_servers: WriteServers, make_app: MakeApp) -> None:
    write_servers({"a_server.py": SERVER, "b_server.py": "raise RuntimeError", "c_server.py": SERVER})
    assert names(make_app(servers=("c", "a", "c"))) == ["c", "a"]


def refused(make_app: MakeApp, **settings: Any) -> str:
    with pytest.raises(LoadError) as caught:
        make_app(**settings)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_name_is_refused(write_servers: WriteServers, make_app: MakeApp, name: str) -> None:
    folder = write_servers({f"{name}_server.py": SERVER})
    assert refused(make_app) == f"{folder / name}_server.py: the name {name!r} is reserved; rename the file"


@pytest.mark.parametrize("name", ["", "Capital", "a b", "é", "-a", "a-", "_a", "a.b", "x" * 41])
def test_name_that_is_invalid_in_a_url_is_refused(write_servers: WriteServers, make_app: MakeApp, name: str) -> None:
    folder = write_servers({f"{name}_server.py": SERVER})
    reason = f"{name!r} is not a server name; use up to 40 of a-z, 0-9, - and _ between them"
    assert refused(make_app) == f"{folder / name}_server.py: {reason}".replace("servers_server", "servers/_server")


@pytest.mark.parametrize("other", ["here/a_server/__init__.py", "there/a_server.py"])
def test_two_servers_with_the_same_name_are_refused(tmp_path: Path, write_servers: WriteServers, other: str) -> None:
    folder = write_servers({"here/a_server.py": SERVER, "there/b_server.py": SERVER, other: SERVER})
    with pytest.raises(LoadError, match="the name 'a' is taken by") as caught:
        create_app(Settings(servers_dir=(str(folder / "here"), str(folder / "there"))))
    assert "a_server.py" in str(caught.value)


def test_unknown_selected_server_is_refused_with_the_existing_names(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    assert refused(make_app, servers=("a",)) == "SERVERS: no server 'a'; there are: none"
    write_servers({"b_server.py": SERVER, "c_server.py": SERVER})
    assert refused(make_app, servers=("b", "a")) == "SERVERS: no server 'a'; there are: b, c"


def test_missing_folder_is_refused(make_app: MakeApp) -> None:
    assert refused(make_app, servers_dir=("nowhere",)) == "MCP_SERVERS_DIR: there is no folder 'nowhere'"


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("", "", "defines no `mcp`; add `mcp = MCPServer('a')`"),
        ("import nothing_like_it", ":1", "No module named 'nothing_like_it'; is it installed, and spelled right?"),
        ("from os import nothing", ":1", "cannot import name 'nothing' from 'os' ("),
        ("\n\n1 / 0", ":3", "ZeroDivisionError: division by zero"),
        ("raise ValueError('one\\ntwo')", ":1", "ValueError: one"),
        ("raise ValueError", ":1", "ValueError: "),
        ("import sys\nsys.exit(3)", ":2", "SystemExit: 3"),
        ("a = 1\ndef f(:\n  pass", ":2", "SyntaxError: invalid syntax"),
    ],
)
def test_module_without_a_valid_server_is_refused_with_file_line_and_reason(
    write_servers: WriteServers, make_app: MakeApp, source: str, line: str, reason: str
) -> None:
    folder = write_servers({"a_server.py": source})
    assert refused(make_app).startswith(f"{folder / 'a_server.py'}{line}: {reason}")


@pytest.mark.parametrize(
    ("files", "place", "reason"),
    [
        ({"a_server.py": "import my_tools", "my_tools.py": "\nimport nothing_like_it"}, "my_tools.py:2", "No module"),
        ({"a_server.py": "import my_tools", "my_tools.py": "x = ("}, "my_tools.py:1", "SyntaxError"),
        ({"a_server.py": "import my_tools\nmy_tools.f()", "my_tools.py": "def f():\n    {}['k']"}, "my_tools.py:2",
         "KeyError: 'k'"),
        ({"a_server.py": "import json\njson.loads('[')"}, "a_server.py:2", "JSONDecodeError"),
        ({"a_server/__init__.py": "from a_server.tools import f", "a_server/tools.py": "import nothing_like_it"},
         "a_server/tools.py:1", "No module"),
    ],
)  # fmt: skip
def test_reported_line_of_a_failure_is_in_the_code_of_the_server(
    write_servers: WriteServers, make_app: MakeApp, files: dict[str, str], place: str, reason: str
) -> None:
    folder = write_servers(files)
    assert refused(make_app).startswith(f"{folder / place}: {reason}")


def test_reported_line_is_right_if_the_folder_is_the_working_directory(
    write_servers: WriteServers, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_servers({"a_server.py": "import json\njson.loads('[')"}))
    assert refused(make_app, servers_dir=(".",)).partition(": ")[0].endswith("a_server.py:2")


def test_server_with_sdk_authorization_is_refused(write_servers: WriteServers, make_app: MakeApp) -> None:
    write_servers(
        {
            "a_server.py": """
from typing import Any
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
auth: Any = AuthSettings(issuer_url="http://localhost", resource_server_url=None)
verifier: Any = object()
mcp = MCPServer("a", auth=auth, token_verifier=verifier)
"""
        }
    )
    assert refused(make_app).endswith("`mcp` has its own `auth`, which this router would not apply; remove it")


def test_server_object_cannot_be_served_twice(
    tmp_path: Path, write_servers: WriteServers, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed.py").write_text(SERVER)
    monkeypatch.syspath_prepend(tmp_path)
    write_servers({"a_server.py": "from installed import mcp", "b_server.py": "from installed import mcp"})
    assert refused(make_app).endswith("its `mcp` is served by another file or app already; create one in this file")
