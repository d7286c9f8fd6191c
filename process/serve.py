"""The running process: its sockets, its workers, its output, its exit code."""

from __future__ import annotations

import gc
import logging
import os
import platform
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NoReturn

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from features.telemetry import worker_metrics
from gateway import VERSION
from gateway.errors import LoadError
from gateway.servers.registry import Registry
from gateway.telemetry import log
from process import descriptors
from process.banner import banner_lines
from process.front import http_options
from process.websocket_protocol import websocket_options
from process.workers import Workers
from settings.reader import SettingError
from settings.values import Settings

logger = logging.getLogger(__name__)

EXIT_INTERRUPTED = 130
"""The exit code that shells give to a process that Ctrl+C ended."""

BACKLOG = 2048
"""Connections that may wait in the kernel until they are accepted."""

WORKER_START_TIMEOUT = 60
"""Seconds in which a worker must have imported the program. uvicorn kills one that has not and starts another, again
and again; its default of 5 is too short for a small machine."""


def main(create_app: Callable[[Settings], Starlette]) -> None:
    """Serves until a signal ends it. If it cannot serve, prints one line and exits with code 1."""
    settings, app = load_app(create_app)
    started = {"version": VERSION, "python": platform.python_version(), "pid": os.getpid(), "workers": settings.workers}
    logger.info("starting", extra={"fields": started | {"open_files": descriptors.raise_limit()}})
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(listen(settings.host, settings.port))]
            if settings.metrics_port:
                own = listen(settings.host, settings.metrics_port, "MCP_METRICS_PORT")
                sockets.append(stack.enter_context(own))
            forget_worker = stack.enter_context(worker_metrics(settings))
        except (OSError, LoadError) as exc:
            exit_with_error(exc, settings)
        code = run(app, settings, sockets, forget_worker)
    exit_process(code)


def load_app(create_app: Callable[[Settings], Starlette]) -> tuple[Settings, Starlette]:
    """Returns the settings of the environment and the application made of them, or exits with one line and code 1."""
    settings = None
    try:
        settings = Settings.from_env(os.environ)
        log.configure(settings.log_level, settings.log_format)
        log.log_uncaught()
        descriptors.limit_accept_errors()
        with _gc_paused():
            return settings, create_app(settings)
    except (SettingError, LoadError) as exc:
        exit_with_error(exc, settings)


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pauses garbage collection while servers load.

    Tools and their models are many objects that all stay. Collections find nothing among them, and take a quarter of
    the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Server(uvicorn.Server):
    """Calls `announce` when it serves: until then, a served MCP server may still fail to start."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:  # asyncio has set the queue to the number that it accepts in one turn
            listener.listen(BACKLOG)
        # Loaded modules and schemas stay for ever; a full collection of them would hold up every call by 0.1 seconds.
        gc.freeze()
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        logger.info("stopped")  # not later: uvicorn raises the signal again as soon as this returns


def run(app: Starlette, settings: Settings, sockets: list[socket.socket], forget_worker: Callable[[int], None]) -> int:
    """Serves until the end and returns the exit code: 1 if the application did not start, 130 after Ctrl+C.

    It does not return if the signal that ends it ends the process too.
    """
    announce = partial(_announce, app.state.registry, settings, sockets[0])
    config = uvicorn.Config(
        # A worker is a new process, which imports the application by its name.
        app if settings.workers == 1 else "app:app",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # features that need the client's address read it themselves
        timeout_worker_healthcheck=WORKER_START_TIMEOUT,
        timeout_graceful_shutdown=settings.shutdown_grace,  # type: ignore[arg-type]  # seconds, whole or not
        **http_options(settings),
        **websocket_options(settings.websocket, settings.max_body),
    )
    if settings.workers > 1:
        announce()
        workers = Workers(config, sockets, forget_worker)
        workers.run()
        logger.info("stopped")
        return 1 if any(process.exitcode == STARTUP_FAILURE for process in workers.processes) else 0
    try:
        Server(config, announce).run(sockets=sockets)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit:
        return 1
    return 0


def exit_process(code: int) -> NoReturn:
    """Ends the process without waiting for threads: a tool that still sleeps in one must not hold up the end."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def listen(host: str, port: int, setting: str = "PORT") -> socket.socket:
    """Returns a listening socket.

    Raises:
        OSError: with a message that names `setting` and says what to do.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as exc:
        raise OSError(f"HOST={host!r}: no such host; use 127.0.0.1, or 0.0.0.0 for all addresses") from exc
    # Not 0 for the protocol: asyncio sets TCP_NODELAY on connections only if the listener's protocol is TCP by name.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        reason = (exc.strerror or str(exc)).lower()
        raise OSError(
            f"{setting}={port}: cannot listen on {host}:{port}, {reason}; set another {setting} or HOST"
        ) from exc
    listener.set_inheritable(True)
    return listener


def exit_with_error(exc: Exception, settings: Settings | None) -> NoReturn:
    """Exits with code 1 and one line in the format of the log. LOG_LEVEL=debug adds the traceback."""
    if settings is not None and settings.log_level == "debug":
        logger.debug("Start failed", exc_info=exc)
    if (settings.log_format if settings is not None else os.environ.get("LOG_FORMAT", "").strip().lower()) == "json":
        log.configure("error", "json")
        logger.error("%s", exc)
        sys.exit(1)
    sys.exit(f"multi-mcp: {exc}")


def _announce(registry: Registry, settings: Settings, listener: socket.socket) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{listener.getsockname()[1]}"
    print(*banner_lines(registry, settings, base), sep="\n", flush=True)
    logger.info("serving", extra={"fields": {"url": base}})
