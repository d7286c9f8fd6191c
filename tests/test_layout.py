"""The layout of the code: which package may import which, and how large files and folders may be."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import FILES, PRODUCT, ROOT, SOURCES, TEXT, TREES, Function, functions

OURS = {path.parts[0].removesuffix(".py") for path in FILES}
USE_THE_SDK = {"gateway.sdk", "gateway.local", "gateway.upstream", "gateway.aggregate", "gateway.auth", "features"}
OUTSIDE = {
    "mcp": USE_THE_SDK,
    "mcp_types": USE_THE_SDK,
    "sse_starlette": {"process"},
    "uvicorn": {"process", "gateway.local"},
    "graphql": {"gateway.graphql"},
}
"""Packages that only some of ours may import."""
FOR_SERVERS = {"mcp", "mcp_types", "pydantic", "typing_extensions", "anyio", "httpx2"}  # the SDK brings them
BANNED = {"util", "utils", "helper", "helpers", "common", "core", "base", "misc", "manager", "managers"}

KERNEL = "gateway"
"""The files directly in `gateway/`."""
WINGS = {f"gateway.{name}" for name in ("auth", "limits", "cache", "relay", "telemetry", "console")}
SURFACES = {"gateway.graphql"}
GATEWAY = {KERNEL, "gateway.versions", "gateway.sdk", "gateway.servers", "gateway.local", "gateway.upstream"}
GATEWAY |= {"gateway.aggregate", "gateway.admin"} | WINGS | SURFACES
MAY_IMPORT = {
    "settings": {"settings"},
    KERNEL: {KERNEL},
    "gateway.sdk": {KERNEL, "gateway.versions", "gateway.sdk"},
    "gateway.servers": {KERNEL, "gateway.servers"},
    "gateway.versions": {KERNEL, "gateway.versions"},
    "gateway.local": {KERNEL, "gateway.sdk", "gateway.versions", "gateway.local"},
    "gateway.upstream": {KERNEL, "gateway.sdk", "gateway.versions", "gateway.upstream"},
    "gateway.aggregate": {KERNEL, "gateway.sdk", "gateway.servers", "gateway.aggregate"},
    "gateway.admin": {KERNEL, "gateway.servers", "gateway.upstream", "gateway.admin"},
    "gateway.auth": {KERNEL, "gateway.sdk", "gateway.versions", "gateway.auth"},
    "gateway.limits": {KERNEL, "gateway.versions", "gateway.limits"},
    "gateway.cache": {KERNEL, "gateway.cache"},
    "gateway.relay": {KERNEL, "gateway.relay"},
    "gateway.telemetry": {KERNEL, "gateway.telemetry"},
    "gateway.console": {KERNEL, "gateway.relay", "gateway.console"},
    "gateway.graphql": {KERNEL, "gateway.graphql"},
    "routes": {"routes"} | GATEWAY,
    "features": {"features", "routes", "settings"} | GATEWAY,
    "process": {"process", "features", "routes", "settings"} | GATEWAY,
    "app": {"process", "features", "routes", "settings"} | GATEWAY,
}
"""The packages that each package may import: the import rule of the project. Every arrow points one way."""


def package(module: str) -> str:
    """Returns the package of a dotted module as the rule names it."""
    if module.startswith("gateway."):
        return next((name for name in sorted(GATEWAY - {KERNEL}) if (module + ".").startswith(name + ".")), KERNEL)
    return module.partition(".")[0]


def imports(path: Path) -> Iterator[str]:
    """Yields the dotted names of the modules that a file imports, also of those imported from a package."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = [f"{module}.{alias.name}" for alias in node.names]
            yield from [name if (ROOT / f"{name.replace('.', '/')}.py").exists() else module for name in names]


def may_import(path: Path, module: str) -> bool:
    """Returns True if the import keeps the rule."""
    top, room = module.partition(".")[0], path.parts[0]
    if room == "mcp_servers":
        neighbours = {neighbour.stem for neighbour in (ROOT / path).parent.iterdir()}
        return top in FOR_SERVERS | neighbours | sys.stdlib_module_names
    if room == "examples":
        return top not in OURS
    own = package(".".join(path.with_suffix("").parts))
    if top in OURS:
        return package(module) in MAY_IMPORT[own]
    if top == "starlette" and own.startswith("gateway"):
        return module == "starlette.types"
    return top not in OUTSIDE or own in OUTSIDE[top]


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def handler_limit(node: Function) -> int:
    """Returns the lines that a function of `routes/` may have: fewer if it answers a request."""
    arguments = [argument.arg for argument in node.args.args if argument.arg != "self"]
    return {"request": 15, "scope receive send": 25}.get(" ".join(arguments), 40)


def test_imports_point_one_way() -> None:
    assert [f"{path}: {name}" for path in SOURCES for name in imports(path) if not may_import(path, name)] == []


def test_the_rule_itself_has_no_circle() -> None:
    left = {name: allowed - {name} for name, allowed in MAY_IMPORT.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_imports_stand_at_the_top_except_those_of_optional_features() -> None:
    nodes = [(path, node) for path in FILES for node in ast.walk(TREES[path]) if path.parts[0] != "features"]
    found = [(path, node) for path, node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    tried = {
        id(node) for path in FILES for block in TREES[path].body if isinstance(block, ast.Try) for node in block.body
    }
    assert [f"{path}:{node.lineno}" for path, node in found if node.col_offset > 0 and id(node) not in tried] == []


def test_nothing_is_imported_by_a_string() -> None:
    pattern = re.compile(r"import_module\(|__import__\(|importlib\.import")
    assert [str(path) for path in PRODUCT if pattern.search(TEXT[path])] == []


def test_files_are_short() -> None:
    lengths = {str(path): len(text.splitlines()) for path, text in TEXT.items()}
    assert {path: lines for path, lines in lengths.items() if lines > (120 if path == "app.py" else 200)} == {}


def test_no_folder_holds_more_than_twenty_files() -> None:
    files = Counter(str(path.parent) for path in FILES if path.name != "__init__.py")
    assert {folder: count for folder, count in files.items() if count > 20} == {}


def test_functions_are_short() -> None:
    assert [place for place, node in functions(FILES) if length(node) > 40] == []


def test_a_handler_reads_asks_and_answers() -> None:
    routes = [path for path in SOURCES if path.parts[0] == "routes"]
    assert [place for place, node in functions(routes) if length(node) > handler_limit(node)] == []


def test_names_say_what_a_file_holds() -> None:
    assert [str(path) for path in FILES if BANNED & set(path.with_suffix("").parts)] == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in PRODUCT}), ids=str)
def test_no_two_files_of_a_package_differ_by_a_plural_alone(folder: Path) -> None:
    names = {path.stem for path in PRODUCT if path.parent == folder}
    assert [name for name in names if name + "s" in names] == []


def test_tests_mirror_the_packages() -> None:
    folders = {path.parent for path in PRODUCT} - {Path()}
    assert [str(folder) for folder in sorted(folders) if not any((ROOT / "tests" / folder).glob("test_*.py"))] == []
