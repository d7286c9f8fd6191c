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

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect

from features.asking import inheritance
from features.telemetry import worker_metrics
from gateway import VERSION
from gateway.errors import LoadError
from gateway.local.hints import hints
from gateway.servers.registry import Registry
from gateway.telemetry import log
from process import descriptors
from process.address import public_address, url_of, warn_of_open_address
from process.banner import banner_lines
from process.http.front import http_options
from process.lasting_loop import Config
from process.listen import listening
from process.output import drain, never_block
from process.reloading import Reloading, is_reloading
from process.server import LAST_STEPS, Server
from process.signals import handled, log_and_ignore, present
from process.websocket_protocol import websocket_options
from process.worker_process import Worker
from process.workers import Workers
from settings.reader import SettingError
from settings.unknown import unknown
from settings.values import Settings

logger = logging.getLogger(__name__)
CreateApp = Callable[[Settings], Starlette]

EXIT_INTERRUPTED = 130
"""The exit code that shells give to a process that Ctrl+C ended."""


def main(create_app: CreateApp) -> None:
    """Serves until a signal ends it. If it cannot serve, prints one line and exits with code 1."""
    with ExitStack() as stack:
        stack.enter_context(handled(present("SIGUSR1", "SIGUSR2"), log_and_ignore))
        settings, app = load_app(create_app)
        started = {"version": VERSION, "python": platform.python_version(), "pid": os.getpid()}
        started |= {"workers": settings.workers, "open_files": descriptors.raise_limit()}
        logger.info("starting", extra={"fields": started})
        try:
            sockets = stack.enter_context(listening(settings, os.environ))
            forget_worker = stack.enter_context(worker_metrics(settings))
        except (OSError, LoadError) as exc:
            exit_with_error(exc, settings)
        if (address := public_address(sockets)) and not (settings.auth_keys or settings.auth_issuer):
            warn_of_open_address(address)
        code = run(app, settings, sockets, forget_worker, stack.close)
    exit_process(code)


def load_app(create_app: CreateApp) -> tuple[Settings, Starlette]:
    """Returns the settings of the environment and the application made of them, or exits with one line and code 1."""
    settings = None
    try:
        settings = _prepare()
        return settings, _create(create_app, settings)
    except (SettingError, LoadError) as exc:
        exit_with_error(exc, settings)


def app_for_uvicorn(create_app: CreateApp) -> Starlette | Reloading:
    """Returns the application for `uvicorn app:app`. With `--reload` it is there also if it cannot be created."""
    if not is_reloading():
        return load_app(create_app)[1]

    def load() -> tuple[Settings, Starlette]:
        settings = _prepare()
        return settings, _create(create_app, settings)

    return Reloading(load)


def _prepare() -> Settings:
    """Reads the settings and sets up the log. Raises SettingError."""
    never_block()
    settings = Settings.from_env(os.environ)
    log.configure(settings.log_level, settings.log_format, client_errors=(ClientDisconnect,))
    log.log_uncaught()
    descriptors.limit_accept_errors()
    for line in unknown(os.environ, Settings):
        hints.warning("%s", line)
    return settings


def _create(create_app: CreateApp, settings: Settings) -> Starlette:
    with _gc_paused():
        return create_app(settings)


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


def run(
    app: Starlette,
    settings: Settings,
    sockets: list[socket.socket],
    forget_worker: Callable[[int], None],
    release: Callable[[], None],
) -> int:
    """Serves until the end and returns the exit code: 1 if the application did not start, 130 after Ctrl+C.

    It does not return if the signal that ends it ends the process too.
    """
    announce = partial(_announce, app.state.registry, settings, sockets[0])
    config = Config(
        app if settings.workers == 1 else "app:app",  # a worker imports the application by its name
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # features that need the client's address read it themselves
        timeout_graceful_shutdown=settings.shutdown_grace,  # type: ignore[arg-type]  # seconds, whole or not
        **http_options(settings),
        **websocket_options(settings.websocket, settings.max_body),
    )
    if settings.workers > 1:
        grace = settings.drain_delay + settings.shutdown_grace + LAST_STEPS + 1
        with inheritance() as common:
            start = partial(Worker, config, sockets, settings.drain_delay, common)
            code = Workers(
                start, count=settings.workers, grace=grace, announce=announce, forget=forget_worker, sockets=sockets
            ).run()
        logger.info("stopped")
        return code
    server = Server(config, settings.drain_delay, announce, release)
    try:
        server.run(sockets=sockets)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit:
        return 1
    return 1 if server.lifespan.error_occurred else 0


def exit_process(code: int) -> NoReturn:
    """Ends the process without waiting for threads: a tool that still sleeps in one must not hold up the end."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        logging.shutdown()
        drain()
        os._exit(code)
    sys.exit(code)


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
    base = url_of(listener, settings.host)
    name = listener.getsockname()
    path = {"socket": name} if isinstance(name, str) else {}
    print(*banner_lines(registry, settings, base, **path), sep="\n", flush=True)
    logger.info("serving", extra={"fields": {"url": base, **path}})
