"""Imports of the modules in a servers folder: their neighbours, their packages and the standard library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from settings.values import Settings
from tests.conftest import MakeApp, WriteServers
from tests.transport import opened

pytestmark = pytest.mark.anyio

SERVER = "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('any')\n"
TOOL = SERVER + "@mcp.tool()\ndef who() -> str:\n    return {!r}\n"
FLAT = SERVER + "from my_tools import who\nmcp.add_tool(who)\n"


async def who(app: Any, server: str) -> str:
    async with opened(app) as client:
        answer: str = (await client.post(f"/{server}/mcp/call", json={"tool": "who"})).json()["result"]
        return answer


@pytest.mark.slow
async def test_server_imports_modules_beside_it_by_their_plain_names(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    write_servers({"a_server.py": FLAT, "my_tools.py": "def who() -> str:\n    return 'tools'\n"})
    assert await who(make_app(), "a") == "tools"


async def test_server_package_imports_its_modules_and_its_neighbours(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    files = {
        "a_server/__init__.py": "from .here import mcp\nfrom my_tools import who\nmcp.add_tool(who)\n",
        "a_server/here.py": SERVER,
        "my_tools.py": "def who() -> str:\n    return 'neighbour'\n",
    }
    write_servers(files)
    assert await who(make_app(), "a") == "neighbour"


async def test_two_folders_may_have_modules_with_the_same_name(write_servers: WriteServers) -> None:
    tools = "def who() -> str:\n    return {!r}\n"
    folder = write_servers(
        {
            **{"one/a_server.py": FLAT, "one/my_tools.py": tools.format("one")},
            **{"two/b_server.py": FLAT, "two/my_tools.py": tools.format("two")},
        }
    )
    dirs = (str(folder / "one"), str(folder / "two"))
    assert await who(create_app(Settings(servers_dir=dirs)), "a") == "one"
    assert await who(create_app(Settings(servers_dir=dirs)), "b") == "two"


async def test_module_named_like_one_of_the_router_does_not_replace_it(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    before = sys.modules["settings"]
    write_servers(
        {
            "a_server.py": FLAT.replace("my_tools", "settings"),
            "settings.py": "def who() -> str:\n    return 'its own settings'\n",
        }
    )
    assert await who(make_app(), "a") == "its own settings"
    assert sys.modules["settings"] is before


async def test_module_named_like_one_of_the_standard_library_does_not_replace_it(
    write_servers: WriteServers, make_app: MakeApp
) -> None:
    write_servers({"a_server.py": TOOL.format("a"), "json.py": "raise RuntimeError"})
    assert await who(make_app(), "a") == "a"


async def test_each_app_has_separate_server_objects(write_servers: WriteServers, make_app: MakeApp) -> None:
    source = (
        SERVER + "import my_state\n@mcp.tool()\ndef who() -> str:\n    my_state.N += 1\n    return str(my_state.N)\n"
    )
    write_servers({"a_server.py": source, "my_state.py": "N = 0\n"})
    first, second = make_app(), make_app()
    assert [await who(first, "a"), await who(second, "a")] == ["1", "1"]


@pytest.mark.slow
async def test_annotations_may_be_strings(write_servers: WriteServers, make_app: MakeApp) -> None:
    source = """
from __future__ import annotations
from typing import Any
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

mcp = MCPServer("a")

class Who(BaseModel):
    name: str | None = None
    more: dict[str, Any] = {}

@mcp.tool()
def who(of: Who | None = None) -> Any:
    return type(of).__name__
"""
    write_servers({"a_server.py": source, "b_server/__init__.py": source})
    app = make_app()
    async with opened(app) as client:
        for name in ("a", "b"):
            answer = await client.post(f"/{name}/mcp/call", json={"tool": "who", "arguments": {"of": {}}})
            assert answer.json() == {"result": "Who"}


async def test_folder_may_be_a_relative_path_or_a_symbolic_link(
    tmp_path: Path, write_servers: WriteServers, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_servers({"a_server.py": FLAT, "my_tools.py": "def who() -> str:\n    return 'tools'\n"})
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    assert await who(make_app(servers_dir=("servers",)), "a") == "tools"
    assert await who(make_app(servers_dir=("link",)), "a") == "tools"
