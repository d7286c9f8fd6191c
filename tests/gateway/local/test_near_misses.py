"""Files that are nearly servers are named, each in one line of the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import create_app
from gateway.errors import LoadError
from settings.values import Settings
from tests.conftest import MakeApp, WriteServers

SERVER = "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('any')\n"
NOBODY = 65534


def warned(caplog: pytest.LogCaptureFixture, folder: Path) -> list[str]:
    assert {record.levelname for record in caplog.records} <= {"WARNING"}
    return [message.removeprefix(f"{folder}/") for message in caplog.messages]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("weather.py", "weather_server.py"),
        ("weather-server.py", "weather_server.py"),
        ("weather_servers.py", "weather_server.py"),
        ("WeatherServer.py", "weather_server.py"),
        ("Weather_Server.py", "weather_server.py"),
        ("wetter für alle.py", "wetter-f-r-alle_server.py"),
        ("server.py", "NAME_server.py"),
    ],
)
def test_python_file_that_is_nearly_a_server_is_named_with_the_right_name(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, file: str, name: str
) -> None:
    folder = write_servers({"a_server.py": SERVER, file: SERVER})
    make_app()
    assert warned(caplog, folder) == [f"{file}: it is not served; rename it to {name} if it is a server"]


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("mcp.json", "mcp.json: it is not read; MCP_SERVERS_FILE="),
        (".mcp.json", ".mcp.json: it is not read"),
        ("b_server/tools.py", "b_server: it is not served; a server that is a folder needs an __init__.py"),
        ("b-server/__init__.py", "b-server: it is not served; rename it to b_server"),
        ("more/b_server.py", "more: servers in folders of this folder are not found; move them, or add the folder"),
    ],
)
def test_folder_and_other_file_that_are_nearly_a_server_are_named(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture, file: str, part: str
) -> None:
    folder = write_servers({"a_server.py": SERVER, file: ""})
    make_app()
    (line,) = warned(caplog, folder)
    assert line.startswith(part)


def test_files_that_servers_consist_of_are_not_named(
    write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_servers(
        {
            "a_server.py": "from weather import mcp",
            "weather.py": SERVER,
            "b_server/__init__.py": "from b_server.server import mcp",
            "b_server/server.py": SERVER,
            "a_tools.py": "text = '''MCPServer()'''\nimport os\n",
            "_server.txt": "",
            ".hidden_server.txt": "",
            "__pycache__/x_server.pyc": "",
            "notes/server.md": "",
            "README.md": "mcp = MCPServer('x')",
        }
    )
    os.symlink("nowhere", folder / "gone.py")
    make_app()
    assert warned(caplog, folder) == []


def test_file_that_is_no_module_does_not_hide_one_of_the_same_name(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    write_servers({"a_server.py": SERVER, "pydantic.txt": "", "starlette/notes.md": "", "anyio.json": ""})
    before = {name: sys.modules[name] for name in ("pydantic", "starlette", "anyio", "mcp")}
    make_app()
    assert {name: sys.modules[name] for name in before} == before


def test_empty_folder_is_named(servers_dir: Path, make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    make_app()
    (line,) = caplog.messages
    assert line.startswith(f"MCP_SERVERS_DIR: no server in the folder {str(servers_dir)!r}; add a file NAME_server.py")


@contextmanager
def unprivileged() -> Iterator[int]:
    """Takes the rights of root away, which may read everything, and yields the user."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield os.geteuid()
    finally:
        os.seteuid(user)


def open_parents(folder: Path) -> None:
    """Lets every user through pytest's own folders, which are for one."""
    for parent in folder.parents:
        if parent.stat().st_mode & 0o77 == 0:
            parent.chmod(0o711)


@pytest.mark.parametrize("path", ["", "a_server.py", "b_server"])
@pytest.mark.parametrize("mode", [0o000, 0o200])
def test_folder_or_server_that_cannot_be_read_is_refused_with_the_user_and_what_it_needs(
    write_servers: WriteServers, path: str, mode: int
) -> None:
    folder = write_servers({"a_server.py": SERVER, "b_server/__init__.py": SERVER})
    open_parents(folder)
    (folder / path).chmod(mode)
    with unprivileged() as user, pytest.raises(LoadError) as caught:
        create_app(Settings(servers_dir=(str(folder),)))
    (folder / path).chmod(0o755)
    message = str(caught.value)
    assert message.startswith(f"MCP_SERVERS_DIR: user {user} may not read '{folder / path}".rstrip("/"))
    assert message.endswith(f"chmod -R o+rX {folder}")


def test_folder_of_another_user_that_holds_no_server_does_no_harm(
    write_servers: WriteServers, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_servers({"a_server.py": SERVER, "lost+found/x.py": ""})
    open_parents(folder)
    (folder / "lost+found").chmod(0)
    with unprivileged():
        create_app(Settings(servers_dir=(str(folder),)))
    (folder / "lost+found").chmod(0o755)
    assert caplog.messages == []


def test_file_that_is_read_is_no_near_miss(
    servers_dir: Path, write_servers: WriteServers, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    write_servers({"mcp.json": '{"mcpServers": {"two": {"command": "x"}}}', "one_server.py": SERVER})
    make_app(servers_file=str(servers_dir / "mcp.json"))
    assert caplog.messages == []
