"""The time while a server's file is loaded, in which it cannot serve by itself: that would never return."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp
import uvicorn
from mcp.server import Server as LowLevelServer
from mcp.server import stdio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import tool_manager

from gateway.local.hints import hints

_ASYNC_RUNS = ("run_stdio_async", "run_sse_async", "run_streamable_http_async")
_REPEATED = "Tool already exists: "


class Loading:
    """One file that is loaded. `has_run` is True if it has tried to serve by itself."""

    def __init__(self, path: Path) -> None:
        self.has_run = False
        self._path = path

    def note_run(self) -> None:
        if not self.has_run:
            hints.warning("%s: it runs its server itself, which is ignored; the router serves its `mcp`", self._path)
        self.has_run = True

    def note_repeated(self, record: logging.LogRecord) -> bool:
        """A filter that names the file in place of the SDK's message, which has the tool alone."""
        message = record.getMessage()
        if not message.startswith(_REPEATED):
            return True
        name = message.removeprefix(_REPEATED)
        hints.warning("%s: two tools are named %r, and only one of them is served; rename one", self._path, name)
        return False


@contextmanager
def loading(path: Path) -> Iterator[Loading]:
    """Replaces the functions of the SDK and of uvicorn that serve by ones that do nothing but log."""
    state = Loading(path)

    def run(*_: Any, **__: Any) -> None:
        state.note_run()

    def run_async(*_: Any, **__: Any) -> Coroutine[Any, Any, None]:
        state.note_run()
        return _nothing()

    with ExitStack() as stack:
        for serving in (MCPServer, uvicorn, uvicorn.Server):
            stack.enter_context(_replaced(serving, "run", run))
        stack.enter_context(_replaced(uvicorn.Server, "serve", run_async))
        stack.enter_context(_replaced(LowLevelServer, "run", run_async))
        for module in (mcp, stdio):
            stack.enter_context(_replaced(module, "stdio_server", _no_streams))
        for name in _ASYNC_RUNS:
            stack.enter_context(_replaced(MCPServer, name, run_async))
        stack.enter_context(_replaced(anyio, "run", _unless_ignored(anyio.run, run_async)))
        stack.enter_context(_replaced(asyncio, "run", _unless_ignored(asyncio.run, run_async)))
        tool_manager.logger.addFilter(state.note_repeated)
        stack.callback(tool_manager.logger.removeFilter, state.note_repeated)
        yield state


async def _nothing() -> None: ...


@asynccontextmanager
async def _no_streams() -> AsyncIterator[tuple[None, None]]:
    yield None, None


def _unless_ignored(run: Callable[..., Any], ignored: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `anyio.run` or `asyncio.run` without effect for a method that does nothing.

    They would refuse to run in a worker, where an event loop runs already.
    """

    def wrapped(main: Any, *args: Any, **options: Any) -> Any:
        if getattr(main, "__func__", None) is ignored:
            main = main()
        elif _runs_fast_mcp(main):
            if inspect.iscoroutine(main):
                main.close()
            main = ignored()
        if getattr(main, "cr_code", None) is _nothing.__code__:
            main.close()
            return None
        return run(main, *args, **options)

    return wrapped


def _runs_fast_mcp(main: Any) -> bool:
    """Returns True for `partial(mcp.run_async, …)`, as FastMCP runs itself, and for a coroutine of one of its runs."""
    code = getattr(main, "cr_code", None) or getattr(getattr(main, "func", main), "__code__", None)
    return code is not None and code.co_name.startswith("run_") and "fastmcp" in Path(code.co_filename).parts


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
