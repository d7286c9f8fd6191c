"""Habits of this code that a syntax tree can show."""

from __future__ import annotations

import ast
import re

from tests.sources import FILES, SOURCES, TEXT, TREES, Function

MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict"}


def is_mutable(value: ast.expr | None) -> bool:
    called = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return isinstance(value, MUTABLE) or called in MUTABLE_CALLS


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    """A docstring that begins with a question word has to be decoded."""
    questions = re.compile(r"(What|Who|Whom|Whose|Where|Whether|Of)\b")
    found = []
    for path in FILES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Module | ast.ClassDef | Function):
                text = ast.get_docstring(node) or ""
                found += [f"{path}: {text.splitlines()[0]}"] if questions.match(text) else []
    assert found == []


def test_middleware_is_pure_asgi() -> None:
    assert [str(path) for path in SOURCES if "BaseHTTPMiddleware" in TEXT[path]] == []


def test_no_module_holds_state() -> None:
    state = [
        f"{path}:{node.lineno}" for path in SOURCES for node in ast.walk(TREES[path]) if isinstance(node, ast.Global)
    ]
    for path in SOURCES:
        for node in TREES[path].body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and is_mutable(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                state += [f"{path}:{node.lineno}" for target in targets if not ast.unparse(target).isupper()]
    assert state == []


def test_a_broad_except_says_why() -> None:
    silent = []
    for path in SOURCES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "Exception"
                broad = re.search(r"\b(Base)?Exception\b", caught)
                silent += (
                    [f"{path}:{node.lineno}"] if broad and "#" not in TEXT[path].splitlines()[node.lineno - 1] else []
                )
    assert silent == []
