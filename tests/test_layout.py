"""The habits that keep this code easy to read, as far as a syntax tree can tell."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("gateway", "routes", "mcp_servers", "examples", "tests", "benchmarks")
FOUND = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
FILES = sorted(path.relative_to(ROOT) for path in FOUND if "node_modules" not in path.parts)
TEXT = {path: (ROOT / path).read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in TEXT.items()}

SOURCES = [path for path in FILES if path.parts[0] not in ("tests", "benchmarks")]
OURS = {path.parts[0].removesuffix(".py") for path in FILES}
SDK = {"mcp", "mcp_types", "sse_starlette"}
FOR_SERVERS = {"mcp", "mcp_types", "pydantic", "typing_extensions", "anyio", "httpx2"}  # what the SDK brings

BANNED = {"util", "utils", "helper", "helpers", "common", "core", "base", "misc", "manager", "managers"}
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def imports(path: Path) -> Iterator[str]:
    """The dotted names of the modules that a file imports."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def may_import(path: Path, module: str) -> bool:
    """Whether the import points the one way: app → routes → gateway → SDK, mcp_servers → SDK."""
    name, room = module.partition(".")[0], path.parts[0]
    if name == "settings":
        return path.name in ("app.py", "features.py", "observers.py", "serve.py", "table.py")
    if room == "gateway":
        return name not in OURS - {"gateway"} | {"starlette", "uvicorn"} or module == "starlette.types"
    if room == "routes":
        return name not in OURS - {"gateway", "routes"} | SDK
    if room == "mcp_servers":
        neighbours = {neighbour.stem for neighbour in (ROOT / path).parent.iterdir()}
        return name in FOR_SERVERS | neighbours | sys.stdlib_module_names
    if room == "examples":
        return name not in OURS
    return name not in {"mcp_servers", "examples", "tests", "benchmarks"}


def functions(paths: list[Path]) -> Iterator[tuple[str, Function]]:
    """Each function, and where it stands."""
    for path in paths:
        for node in ast.walk(TREES[path]):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def handler_limit(node: Function) -> int:
    """The lines that a function of `routes/` may have: fewer where it answers a request."""
    arguments = [argument.arg for argument in node.args.args if argument.arg != "self"]
    return {"request": 15, "scope receive send": 25}.get(" ".join(arguments), 40)


def is_mutable(value: ast.expr | None) -> bool:
    called = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return isinstance(value, MUTABLE) or called in MUTABLE_CALLS


def test_imports_point_one_way() -> None:
    assert [f"{path}: {name}" for path in SOURCES for name in imports(path) if not may_import(path, name)] == []


def test_imports_stand_at_the_top() -> None:
    nodes = [(path, node) for path in FILES for node in ast.walk(TREES[path])]
    found = [(path, node) for path, node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [f"{path}:{node.lineno}" for path, node in found if node.col_offset > 0] == []


def test_files_are_short() -> None:
    lengths = {str(path): len(text.splitlines()) for path, text in TEXT.items()}
    assert {path: lines for path, lines in lengths.items() if lines > (120 if path == "app.py" else 200)} == {}


def test_functions_are_short() -> None:
    assert [place for place, node in functions(FILES) if length(node) > 40] == []


def test_a_handler_reads_asks_and_answers() -> None:
    routes = [path for path in SOURCES if path.parts[0] == "routes"]
    assert [place for place, node in functions(routes) if length(node) > handler_limit(node)] == []


def test_names_say_what_a_file_holds() -> None:
    assert [str(path) for path in FILES if BANNED & set(path.with_suffix("").parts)] == []


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


def test_each_source_has_a_test_of_its_name() -> None:
    tested = [path for path in SOURCES if len(path.parts) == 1 or path.parts[0] in ("gateway", "routes")]
    tests = {path: ROOT / "tests" / path.parent / f"test_{path.name}" for path in tested if path.name != "__init__.py"}
    assert [str(path) for path, test in tests.items() if not test.is_file()] == []
