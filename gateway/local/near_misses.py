"""Files that are nearly servers, and would be left out without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.naming import RESERVED

MAX_READ = 65_536
"""Bytes of a file in which a server is looked for."""

_SERVER = re.compile(r"^\w+\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:MCPServer|FastMCP)\b", re.MULTILINE)
_ENDING = re.compile(r"[-_.]?servers?$", re.IGNORECASE)
_CONFIGURATIONS = ("mcp.json", ".mcp.json", "claude_desktop_config.json")


def near_misses(folder: Path, served: Sequence[Path]) -> Iterator[str]:
    """Yields a line for each file or folder in `folder` that is nearly a server. `served` are the files that are."""
    left = [path for path in sorted(folder.iterdir()) if path not in served and path / "__init__.py" not in served]
    wanted = [(path, advice) for path in left if (advice := _advice(path))]
    if wanted:
        sources = "\n".join(map(_source, served))
        yield from (f"{path}: {advice}" for path, advice in wanted if not _is_imported(path, sources))
    elif not served:
        yield f"MCP_SERVERS_DIR: no server in the folder {str(folder)!r}; add a file NAME_server.py that defines `mcp`"


def _is_imported(path: Path, sources: str) -> bool:
    """Returns True for a module that `sources` import: it is a part of their servers."""
    name = re.escape(path.stem)
    importing = rf"^\s*(?:from\s+{name}\b|import\s+(?:[\w.]+\s*,\s*)*{name}\b)"
    return path.suffix == ".py" and bool(re.search(importing, sources, re.MULTILINE))


def _advice(path: Path) -> str:
    """Returns what to do with a file that is nearly a server; an empty string for another one."""
    if path.name in _CONFIGURATIONS:
        return f"it is not read; MCP_SERVERS_FILE={path} serves the servers that it names"
    if path.name.startswith((".", "_")):
        return ""
    if path.is_dir():
        return _advice_of_folder(path)
    if path.suffix == ".py" and (_ENDING.search(path.stem) or _SERVER.search(_source(path))):
        return f"it is not served; rename it to {_right_name(path.stem)}.py if it is a server"
    return ""


def _advice_of_folder(path: Path) -> str:
    if any(path.glob("*_server.py")):
        return "servers in folders of this folder are not found; move them, or add the folder to MCP_SERVERS_DIR"
    if not _ENDING.search(path.stem) or not any(path.glob("*.py")):
        return ""
    if (path / "__init__.py").is_file():
        return f"it is not served; rename it to {_right_name(path.stem)}"
    return "it is not served; a server that is a folder needs an __init__.py that defines `mcp`"


def _right_name(stem: str) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", _ENDING.sub("", stem).lower()).strip("-_")
    return f"{name if name and name not in RESERVED else 'NAME'}_server"


def _source(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ).decode(errors="replace")
    except OSError:
        return ""
