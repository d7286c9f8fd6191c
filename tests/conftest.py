"""Fixtures that create the real application from files or from server objects."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Protocol

import httpcore2
import pytest
from mcp.server import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool, base
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from starlette.applications import Starlette

from app import create_app
from settings.values import Settings

WriteServers = Callable[[Mapping[str, str]], Path]


class MakeApp(Protocol):
    """Creates the application with these servers, in this order. The default is those that the test has written."""

    def __call__(self, *servers: MCPServer[Any] | Server[Any], **settings: Any) -> Starlette: ...


def server_of(*functions: Callable[..., Any], name: str = "one", **options: Any) -> MCPServer[Any]:
    return MCPServer(name, tools=[_tool(function).model_copy() for function in functions], **options)


@lru_cache(maxsize=128)
def _tool(function: Callable[..., Any]) -> Tool:
    """Creates the tool once, since that takes longer than a test that calls it."""
    return Tool.from_function(function)


gc.disable()  # until all tests are imported, since none of that is garbage


def pytest_collection_finish() -> None:
    """Excludes all imported modules and collected tests from garbage collection, which saves time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _make_once() -> Iterator[None]:
    """Makes once what takes longer than a test: the models of a function that is a tool, and the trusted certificates.

    Tests often define equal tools: those whose code, globals, defaults and annotations are the same objects.
    """
    made = dict[Any, tuple[Any, FuncMetadata]]()

    def described(func: Any, *args: Any, **options: Any) -> FuncMetadata:
        if not isinstance(func, FunctionType) or vars(func) or not func.__module__.startswith("tests."):
            return func_metadata(func, *args, **options)
        parts = (func.__code__, func.__globals__, *(func.__defaults__ or ()), *(func.__kwdefaults__ or {}).values())
        parts += (*func.__annotations__.values(),)
        key = (func.__name__, str(args), str(options), *map(id, parts))
        if key not in made:
            # The parts are kept, so that no other object gets the id of one.
            made[key] = parts, func_metadata(func, *args, **options)
        return made[key][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "func_metadata", described)
        patch.setattr(httpcore2, "default_ssl_context", lru_cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(autouse=True)
def _forget_imports() -> Iterator[None]:
    """Removes the modules that a test has loaded from its own folder."""
    path, modules = [*sys.path], {*sys.modules}
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        if _is_from_a_test(sys.modules[name]):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def _keep_measuring() -> Iterator[None]:
    """Turns the measuring of coverage on again: Python turns it off where the recursion limit is reached."""
    measure = sys.gettrace()
    yield
    if sys.gettrace() is not measure:
        sys.settrace(measure)


@pytest.fixture
def python_hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restores what a process replaces for its log: hooks for uncaught exceptions, and the standard streams."""
    hooks = ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook"))
    for module, name in (*hooks, (sys, "stdout"), (sys, "stderr")):
        monkeypatch.setattr(module, name, getattr(module, name))
    yield
    logging.captureWarnings(False)


def _is_from_a_test(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and "pytest-of-" in file


@pytest.fixture
def servers_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "servers"
    folder.mkdir()
    return folder


@pytest.fixture
def write_servers(servers_dir: Path) -> WriteServers:
    """Returns a function that writes files, given by their paths in the servers folder."""

    def write(files: Mapping[str, str]) -> Path:
        for name, source in files.items():
            path = servers_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return servers_dir

    return write


@pytest.fixture
def make_app(servers_dir: Path, write_servers: WriteServers, monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    def make(*servers: MCPServer[Any] | Server[Any], **settings: Any) -> Starlette:
        given = ModuleType("given_servers")
        monkeypatch.setitem(sys.modules, given.__name__, given)
        for server in servers:
            setattr(given, server.name, server)
            write_servers({f"{server.name}_server.py": f"from given_servers import {server.name} as mcp\n"})
        names = tuple(server.name for server in servers)
        return create_app(Settings(**{"servers_dir": (str(servers_dir),), "servers": names} | settings))

    return make
