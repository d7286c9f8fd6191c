"""SECURITY.md names existing tests for its claims, and existing settings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_named_test_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)
    assert len(named) > 10
    for path, function in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert not function or function in names, f"{path}::{function}"


def test_every_named_setting_exists() -> None:
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:MCP|LOG)_[A-Z_]+|REDIS_URL)`", TEXT))
    assert named
    assert [name for name in named if f"| `{name}` |" not in table] == []


def test_every_row_names_a_test() -> None:
    table = TEXT.partition("| attack |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) > 10
    assert [row for row in table if "`tests/" not in row.rpartition("|")[0].rpartition("|")[2]] == []
