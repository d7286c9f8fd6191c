"""The servers that ship with the project, without those that a user has added to `mcp_servers/`."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "mcp_servers"
FILES = ("echo_server.py", "echo_tools.py", "math_server.py", "math_tools.py")


@lru_cache(maxsize=1)
def shipped() -> str:
    """Returns a folder for `MCP_SERVERS_DIR` that holds the shipped servers alone. One per process, removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="multi-mcp-shipped-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in FILES:
        # A link, not a copy: coverage counts the lines of the file that it leads to.
        (folder / name).symlink_to(FOLDER / name)
    return str(folder)
