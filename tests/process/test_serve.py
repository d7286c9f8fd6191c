"""The process's sockets, its messages and its exit codes. A real process is tested in tests/process/live."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette

from app import create_app
from gateway.errors import LoadError
from process import serve
from process.shutdown import running_server
from settings.values import Settings
from tests.shipped import shipped


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch, python_hooks: None) -> Iterator[None]:
    """Restores what a process sets for itself: its log, its signals, and the flags of sse-starlette."""
    for flag in ("should_exit", "enable_automatic_graceful_drain"):
        monkeypatch.setattr(AppStatus, flag, getattr(AppStatus, flag))
    root, handlers = logging.getLogger(), [*logging.getLogger().handlers]
    level, signals = root.level, {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, handler in signals.items():
        signal.signal(number, handler)


def test_failure_is_not_printed_beside_a_json_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    for settings in (None, Settings(log_format="json")):
        with pytest.raises(SystemExit) as caught:
            serve.exit_with_error(LoadError("servers/x_server.py: defines no `mcp`"), settings)
        assert caught.value.code == 1


def test_failure_is_reported_in_one_line_with_exit_code_1(caplog: pytest.LogCaptureFixture) -> None:
    for settings in (None, Settings()):
        with pytest.raises(SystemExit) as caught:
            serve.exit_with_error(LoadError("servers/x_server.py: defines no `mcp`"), settings)
        assert caught.value.code == "multi-mcp: servers/x_server.py: defines no `mcp`"
    assert caplog.records == []


def test_traceback_of_a_failure_is_logged_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SystemExit):
        serve.exit_with_error(LoadError("it cannot"), Settings(log_level="debug"))
    assert caplog.records[0].exc_info is not None


def served(monkeypatch: pytest.MonkeyPatch, make: Callable[[Settings], Starlette], **environ: str) -> object:
    """Runs the whole program and returns its exit code."""
    for name, value in {"PORT": "0", "LOG_LEVEL": "error", "MCP_SERVERS_DIR": shipped(), **environ}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        serve.main(make)
    return caught.value.code


async def raise_signal(number: signal.Signals) -> None:
    """Raises the signal as soon as the server serves."""
    while not running_server().started:
        await asyncio.sleep(0.01)
    signal.raise_signal(number)


def ending(number: signal.Signals) -> Callable[[Settings], Starlette]:
    """Returns a factory of an application that gets the signal as soon as it serves."""

    def make(settings: Settings) -> Starlette:
        app = create_app(settings)
        lifespan = app.router.lifespan_context

        @asynccontextmanager
        async def signalled(inner: Starlette) -> AsyncIterator[Any]:
            async with lifespan(inner) as state:
                raising = asyncio.create_task(raise_signal(number))
                yield state
                await raising

        app.router.lifespan_context = signalled
        return app

    return make


@pytest.mark.slow
def test_ctrl_c_ends_the_process_with_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    assert served(monkeypatch, ending(signal.SIGINT), SERVERS="echo") == serve.EXIT_INTERRUPTED
    signal.signal(signal.SIGINT, before)
    assert "All of them: " in capsys.readouterr().out


def test_server_that_fails_to_start_ends_the_process_with_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_server.py").write_text(
        "from contextlib import asynccontextmanager\nfrom mcp.server.mcpserver import MCPServer\n"
        "@asynccontextmanager\nasync def lifespan(server):\n    raise OSError('no database')\n    yield\n"
        "mcp = MCPServer('broken', lifespan=lifespan)\n"
    )
    assert served(monkeypatch, create_app, MCP_SERVERS_DIR=str(tmp_path)) == 1
    assert capsys.readouterr().out == ""


def test_invalid_setting_ends_the_process_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    message = served(monkeypatch, create_app, SERVERS="x")
    assert message == "multi-mcp: SERVERS: no server 'x'; there are: echo, math"
    message = served(monkeypatch, create_app, PORT="http")
    assert message == "multi-mcp: PORT='http': expected a whole number from 0 to 65535"
