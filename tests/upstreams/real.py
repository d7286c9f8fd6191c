"""Servers of PyPI and npm as they are published, each with one call that needs no network."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "tests" / "upstreams" / "node_modules" / ".bin"
FAST = str(Path(__file__).parent / "servers" / "fast_mcp.py")


@dataclass(frozen=True)
class Real:
    """The environment and the command of a server, the number of its tools, and a call with a part of its result."""

    name: str
    command: str
    tools: int
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    result: str = ""
    args: tuple[str, ...] = ()
    status: int = 200

    @property
    def entry(self) -> dict[str, Any]:
        return {"command": self.command, "args": list(self.args)}


def python(environment: str, name: str) -> str:
    return str(ROOT / ".venv-upstreams" / environment / "bin" / name)


def real_servers(folder: Path) -> list[Real]:
    """Returns the servers, for which `folder` has a repository, a database and a file."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "note.txt").write_text("note")
    thought = {"thought": "a", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1}
    here, database = str(folder), str(folder / "db")
    time, git, fetch = (python("mcp2", f"mcp-server-{name}") for name in ("time", "git", "fetch"))
    sqlite, calculator = python("mcp1", "mcp-server-sqlite"), python("mcp1", "mcp-server-calculator")
    old_fast, new_fast = python("fastmcp2", "python"), str(ROOT / ".venv-makes" / "bin" / "python")
    thinking = str(NODE / "mcp-server-sequential-thinking")
    return [
        Real("time", time, 2, "get_current_time", {"timezone": "UTC"}, "UTC"),
        Real("git", git, 12, "git_status", {"repo_path": here}, "note.txt", args=("--repository", here)),
        Real("fetch", fetch, 1, "fetch", {"url": "http://127.0.0.1:9/"}, status=422),
        Real("sqlite", sqlite, 6, "list_tables", {}, "[]", args=("--db-path", database)),
        Real("calculator", calculator, 1, "calculate", {"expression": "6 * 7"}, "42"),
        Real("fast2", old_fast, 1, "double", {"number": 21}, "42", args=(FAST,)),
        Real("fast4", new_fast, 1, "double", {"number": 21}, "42", args=(FAST,)),
        Real("everything", str(NODE / "mcp-server-everything"), 17, "echo", {"message": "hello"}, "hello"),
        Real("files", str(NODE / "mcp-server-filesystem"), 14, "list_directory", {"path": here}, "note", args=(here,)),
        Real("memory", str(NODE / "mcp-server-memory"), 9, "read_graph", {}, "entities"),
        Real("thinking", thinking, 1, "sequentialthinking", thought, "thoughtNumber"),
    ]
