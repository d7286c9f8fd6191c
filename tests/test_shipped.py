"""Servers that a user adds to `mcp_servers/`, which the tests and the checks ignore."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from settings.values import Settings
from tests.shipped import FILES, FOLDER, shipped

ROOT = FOLDER.parent
USERS = ("weather_server.py", "weather_tools.py", "echo2_server.py", "my_server/__init__.py")


def test_tests_serve_only_the_shipped_files() -> None:
    folder = Path(shipped())
    assert sorted(path.name for path in folder.glob("*.py")) == sorted(FILES)
    assert all((folder / name).read_bytes() == (FOLDER / name).read_bytes() for name in FILES)
    assert Settings().servers_dir == (FOLDER.name,)


def test_make_check_lints_only_the_shipped_files() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^SHIPPED := \$\(addprefix mcp_servers/,(.*)\)$", makefile, re.MULTILINE)
    assert named is not None
    assert named[1].split() == list(FILES)
    commands = re.findall(r"^\t.*ruff (?:format|check).*$", makefile, re.MULTILINE)
    assert len(commands) == 4
    assert all(command.endswith(" . $(SHIPPED)") for command in commands)


def test_types_are_checked_only_in_the_shipped_files() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (pattern,) = configuration["mypy"]["exclude"]
    assert "mcp_servers" in configuration["ruff"]["extend-exclude"]
    assert [name for name in FILES if re.search(pattern, f"mcp_servers/{name}")] == []
    assert re.search(pattern, "mcp_servers/") is None
    assert all(re.search(pattern, f"mcp_servers/{name}") for name in USERS)
