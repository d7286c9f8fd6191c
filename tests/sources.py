"""The source files of the project as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = {Path("mcp_servers") / f"{name}.py" for name in ("echo_server", "echo_tools", "math_server", "math_tools")}
"""The servers that come with the project. Files that a user adds beside them are the user's."""


def is_ours(path: Path) -> bool:
    return "node_modules" not in path.parts and (path.parts[0] != "mcp_servers" or path in SHIPPED)


FOLDERS = ("settings", "features", "process", "gateway", "routes", "mcp_servers", "examples", "tests", "benchmarks")
FOUND = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
FILES = sorted(path for path in (found.relative_to(ROOT) for found in FOUND) if is_ours(path))
TEXT = {path: (ROOT / path).read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in TEXT.items()}
PRODUCT = [
    path for path in FILES if path.parts[0] in ("app.py", "settings", "features", "process", "gateway", "routes")
]
SOURCES = [path for path in FILES if path.parts[0] not in ("tests", "benchmarks")]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(paths: list[Path]) -> Iterator[tuple[str, Function]]:
    """Yields each function with its place."""
    for path in paths:
        for node in ast.walk(TREES[path]):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node
