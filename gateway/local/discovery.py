"""Finds and loads the servers: every `NAME_server.py`, or package `NAME_server`, that defines `mcp`."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import all_suffixes
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from mcp.server.mcpserver import MCPServer

from gateway.errors import LoadError
from gateway.local.hints import hints
from gateway.local.loading import Loading, loading
from gateway.local.makes.refusals import refused, without_mcp, written_for_another_sdk
from gateway.local.makes.served import make_of
from gateway.local.native_calls import NativeCalls
from gateway.local.near_misses import near_misses
from gateway.local.readable import readable
from gateway.naming import RESERVED
from gateway.sdk.internals import has_auth, has_own_tool_list, low_level, tools_of
from gateway.versions.declaration import check

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?")
_SUFFIX = "_server"
_MODULE_SUFFIXES = {Path(f"name{suffix}").suffix for suffix in all_suffixes()}


@dataclass(frozen=True, slots=True)
class Found:
    """A server's file or package, and the name under which it will be served.

    `files` are those that it was loaded from: its own, and the modules of its folder that it imports.
    """

    name: str
    path: Path
    files: set[Path] = field(default_factory=set, compare=False)


def discover(folders: Sequence[str], only: Sequence[str] = (), servers_file: str = "") -> list[Found]:
    """Returns the servers in `folders`, sorted by name within each folder, or those that `only` names, in its order.

    `servers_file` is the file with servers elsewhere, which may lie in a folder.

    Raises:
        LoadError: a folder is missing or not readable, or a name is reserved, invalid, used twice or unknown.
    """
    found: dict[str, Found] = {}
    for folder in folders:
        for server in _in_folder(Path(folder), [Path(servers_file)] if servers_file else []):
            if server.name in found:
                raise LoadError(f"{server.path}: the name {server.name!r} is taken by {found[server.name].path}")
            found[server.name] = server
    missing = [name for name in only if name not in found]
    if missing:
        raise LoadError(f"SERVERS: no server {missing[0]!r}; there are: {', '.join(found) or 'none'}")
    return [found[name] for name in dict.fromkeys(only)] if only else list(found.values())


def load(servers: Sequence[Found]) -> Iterator[tuple[str, MCPServer[Any]]]:
    """Runs each server's module again, so that each app has its own server objects.

    Raises:
        LoadError: the module cannot be imported, or defines no server that can be served.
    """
    loaded: list[MCPServer[Any]] = []
    for server in servers:
        module = _run(server)
        mcp = getattr(module, "mcp", None)
        if mcp is None:
            raise LoadError(f"{server.path}: {without_mcp(server.name, module)}")
        make = make_of(mcp)
        if make is None:
            raise LoadError(f"{server.path}: {refused(server.name, server.path, mcp)}")
        mcp = make(mcp)
        if has_auth(mcp):
            raise LoadError(f"{server.path}: `mcp` has its own `auth`, which this router would not apply; remove it")
        # A second chain on the same server would count and record each call twice.
        if any(isinstance(item, NativeCalls) for item in mcp.middleware) or low_level(mcp) in map(low_level, loaded):
            raise LoadError(
                f"{server.path}: its `mcp` is served by another file or app already; create one in this file"
            )
        check(str(server.path), [(tool.name, tool.meta) for tool in tools_of(mcp)], has_own_tool_list(mcp))
        loaded.append(mcp)
        yield server.name, mcp


def _in_folder(folder: Path, read: Sequence[Path]) -> list[Found]:
    """Returns the servers in `folder`, and logs what is nearly one. Files that are `read` elsewhere are none."""
    with readable(folder):
        try:
            found = list(_servers(sorted(folder.iterdir())))
        except (FileNotFoundError, NotADirectoryError):
            raise LoadError(f"MCP_SERVERS_DIR: there is no folder {str(folder)!r}") from None
        for server in found:
            server.path.open("rb").close()
        for line in near_misses(folder, [*(server.path for server in found), *read]):
            hints.warning("%s", line)
    return found


def _servers(paths: Sequence[Path]) -> Iterator[Found]:
    for path in (each for each in paths if each.stem.endswith(_SUFFIX)):
        is_package = (path / "__init__.py").is_file()
        if is_package or (path.suffix == ".py" and path.is_file()):
            name = path.stem.removesuffix(_SUFFIX)
            if name in RESERVED:
                raise LoadError(f"{path}: the name {name!r} is reserved; rename the file")
            if not _NAME.fullmatch(name):
                raise LoadError(
                    f"{path}: {name!r} is not a server name; use up to 40 of a-z, 0-9, - and _ between them"
                )
            yield Found(name, path / "__init__.py" if is_package else path)


def _run(server: Found) -> ModuleType:
    """Runs the module with its folder first on `sys.path`, so that modules of the folder import each other by name."""
    package = server.path.name == "__init__.py"
    home = server.path.parent.parent if package else server.path.parent
    name = server.path.parent.name if package else server.path.stem
    locations = [str(server.path.parent)] if package else None
    spec = importlib.util.spec_from_file_location(name, server.path, submodule_search_locations=locations)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(home.resolve())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    server.files.add(server.path)
    with _fresh_modules(home, server.files), loading(server.path) as state:
        sys.modules[name] = module  # before it runs: pydantic looks up annotations there
        try:
            spec.loader.exec_module(module)
        except ImportError as exc:
            advice = written_for_another_sdk(server.name, server.path, exc) or "is it installed, and spelled right?"
            raise LoadError(f"{_place(exc, server.path)}: {exc}; {advice}") from exc
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # the module's boundary: any exception is reported with its place
            if not _has_ended_well(exc, state):
                reason = f"{type(exc).__name__}: {exc}".splitlines()[0]
                advice = written_for_another_sdk(server.name, server.path, exc)
                raise LoadError(f"{_place(exc, server.path)}: {reason}{advice and f'; {advice}'}") from exc
    return module


def _has_ended_well(exc: BaseException, state: Loading) -> bool:
    """Returns True for the end of a program that has served: `sys.exit(mcp.run())`."""
    return isinstance(exc, SystemExit) and state.has_run and exc.code in (None, 0)


@contextmanager
def _fresh_modules(folder: Path, files: set[Path]) -> Iterator[None]:
    """Imports the modules of `folder` again: two apps must not share an `mcp`, nor two folders a `tools.py`.

    Adds the files of those that were imported to `files`. A module of the same name from elsewhere is restored then.
    """
    names = {path.stem for path in folder.iterdir() if _is_module(path)} - sys.stdlib_module_names
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        imported = [module for name, module in [*sys.modules.items()] if name.partition(".")[0] in names]
        files.update(Path(module.__file__) for module in imported if _is_of(folder, module) and module.__file__)
        for name, module in before.items():
            if not _is_of(folder, module):
                sys.modules[name] = module


def _is_of(folder: Path, module: ModuleType) -> bool:
    return Path(getattr(module, "__file__", None) or folder).resolve().is_relative_to(folder.resolve())


def _is_module(path: Path) -> bool:
    """Returns True if an import finds `path` before a module of the same name from elsewhere. A `mcp.json` is none."""
    if path.suffix in _MODULE_SUFFIXES or os.path.isfile(path / "__init__.py"):
        return True
    other = sys.modules.get(path.name)
    return path.is_dir() and getattr(other, "__file__", None) is None  # a package without __init__.py comes last


def _place(exc: BaseException, path: Path) -> str:
    """Returns the place in the server's own code that failed, as `file:line`."""
    folder, place = path.parent.resolve(), str(path)
    if isinstance(exc, SyntaxError):
        return f"{exc.filename}:{exc.lineno}"
    for frame, line in walk_tb(exc.__traceback__):
        if Path(frame.f_code.co_filename).resolve().is_relative_to(folder):
            place = f"{frame.f_code.co_filename}:{line}"
    return place
