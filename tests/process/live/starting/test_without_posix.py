"""The router where modules and signals that only POSIX has are hidden from it."""

from __future__ import annotations

import pytest

from tests.process.live.conftest import Start
from tests.process.live.test_start import check_refused

pytestmark = pytest.mark.process

START = """
import builtins, runpy, signal, sys
import asyncio, mcp.server.mcpserver, uvicorn  # installed packages look at the system by themselves
from pathlib import Path

PACKAGES = Path(mcp.__file__).parent.parent
find = builtins.__import__

def import_without_posix(name, globals=None, *rest, **named):
    importing = (globals or {}).get("__file__") or ""
    ours = importing.startswith(str(Path.cwd())) and not importing.startswith(str(PACKAGES))
    if ours and name in ("fcntl", "resource", "pwd", "grp", "termios"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return find(name, globals, *rest, **named)

class Signals:
    def __iter__(self):
        return (each for each in present if hasattr(signal, each.name))

present = [*signal.Signals]
builtins.__import__ = import_without_posix
for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU"):
    delattr(signal, name)
signal.Signals = Signals()
sys.path.insert(0, "")
runpy.run_path("app.py", run_name="__main__")
"""


def test_router_serves_without_what_only_posix_has(start: Start) -> None:
    router = start("-c", START, SERVERS="echo").await_table()
    assert router.call("echo", "echo", message="Hello") == (200, {"result": "Hello"})
    router.end()
    assert router.complaints() == []


def test_unix_socket_is_refused_in_one_line_where_there_is_none(start: Start) -> None:
    check_refused(start("-c", START, UDS="/tmp/none.sock"), "UDS='/tmp/none.sock': cannot listen, this system has no")  # noqa: S108
