"""The lines about files that cannot be served here, with the entry of an `mcpServers` file that would serve them."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from mcp.server import Server as LowLevelServer

from gateway.local.makes.served import is_fast_mcp, make_of

_ENTRY = "to serve it as it is, move the file elsewhere, and add this to the file that MCP_SERVERS_FILE names: "
_NEW_NAME = "FastMCP is MCPServer now: `from mcp.server.mcpserver import MCPServer`"
_INSTALL = "install it with `.venv/bin/python -m pip install -c requirements.txt 'fastmcp>=4'`"

_FACTORIES = ("create_server", "make_server", "build_server", "get_server")


def without_mcp(name: str, module: ModuleType) -> str:
    """Returns what to change in the file of the server `name`, which defines no `mcp`."""
    for found, value in vars(module).items():
        if make_of(value) is not None:
            return f"defines no `mcp`; rename its server `{found}` to `mcp`"
    create = next((each for each in _FACTORIES if callable(getattr(module, each, None))), None)
    return f"defines no `mcp`; add `mcp = {f'MCPServer({name!r})' if create is None else f'{create}()'}`"


def refused(name: str, path: Path, value: Any) -> str:
    """Returns the line about the server `name`, whose `mcp` is `value`."""
    if inspect.ismodule(value):
        return f"`mcp` is the module {value.__name__!r}; name the server `mcp`, and import the module as another name"
    if inspect.isclass(value):
        return f"`mcp` is the class {value.__name__}, not a server; create one: `mcp = {value.__name__}({name!r})`"
    if inspect.isroutine(value):
        return f"`mcp` is the function {value.__name__}, not a server; call it: `mcp = {value.__name__}()`"
    kind = type(value).__name__
    if any(each.__name__ == "Starlette" for each in type(value).__mro__):
        entry = _entry(name, {"url": "http://127.0.0.1:PORT/mcp"})
        return f"`mcp` is an ASGI application ({kind}), not a server; {_ENTRY}{entry}, the URL at which it runs"
    if is_fast_mcp(value):
        return f"`mcp` is a FastMCP of another version than 4; {_ENTRY}{_fast_mcp_entry(name, path)}"
    entry = _entry(name, {"command": "python", "args": [_moved(path)]})
    return f"`mcp` is of the type {kind}, and this process serves MCPServer, Server and FastMCP 4; {_ENTRY}{entry}"


def written_for_another_sdk(name: str, path: Path, exc: BaseException) -> str:
    """Returns advice about a file that fails because of the version of its packages; empty for any other failure."""
    if isinstance(exc, AttributeError) and isinstance(exc.obj, LowLevelServer):
        return f"it is written for mcp 1; {_ENTRY}{_old_entry(name, path)}"
    if not isinstance(exc, ImportError):
        return ""
    if exc.name == "fastmcp" and isinstance(exc, ModuleNotFoundError):
        return f"{_INSTALL}, or {_ENTRY}{_fast_mcp_entry(name, path)}"
    if "fastmcp" in str(exc):
        return f"{_NEW_NAME}; {_ENTRY}{_old_entry(name, path)}"
    if (exc.name or "").partition(".")[0] == "mcp":
        return f"it is written for another version of mcp; {_ENTRY}{_old_entry(name, path)}"
    return ""


def _fast_mcp_entry(name: str, path: Path) -> str:
    return _entry(name, {"command": "uvx", "args": ["fastmcp", "run", _moved(path)]})


def _old_entry(name: str, path: Path) -> str:
    return _entry(name, {"command": "uvx", "args": ["--from", "mcp[cli]<2", "mcp", "run", _moved(path)]})


def _moved(path: Path) -> str:
    """Returns the path to be filled in: a file that stays in its folder would be loaded here again."""
    return f"/path/to/{path.parent.name if path.name == '__init__.py' else path.name}"


def _entry(name: str, entry: dict[str, Any]) -> str:
    return json.dumps({name: entry}, ensure_ascii=False)
