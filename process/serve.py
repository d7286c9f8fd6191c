"""How the process runs: its socket, its workers, what it prints, how it ends."""

from __future__ import annotations

import gc
import logging
import os
import platform
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NoReturn

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from features.feature import part
from gateway import VERSION
from gateway.errors import LoadError
from gateway.servers.registry import Registry
from gateway.telemetry import log
from process.banner import lines
from process.workers import Workers
from settings.reader import SettingError
from settings.values import Settings

logger = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit code that shells give to a process that Ctrl+C ended."""

WORKER_START = 60
"""Seconds in which a worker must have imported the program. uvicorn kills one that has not, and starts another, for
ever; its own 5 are too few for a small machine."""

PING = 20.0
"""Seconds between the pings of a WebSocket, and in which one must be answered."""

MIN_FRAME = 64 * 1024
"""Bytes of a WebSocket's frame that always get a problem document, and do not close the connection."""


def main(create_app: Callable[[Settings], Starlette]) -> None:
    """Serve until a signal ends it. What cannot be served is one line, and exit code 1."""
    settings, app = make(create_app)
    said = {"version": VERSION, "python": platform.python_version(), "pid": os.getpid(), "workers": settings.workers}
    logger.info("starting", extra={"fields": said})
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(listen(settings.host, settings.port))]
            if settings.metrics_port:
                own = listen(settings.host, settings.metrics_port, "MCP_METRICS_PORT")
                sockets.append(stack.enter_context(own))
            if settings.metrics and settings.workers > 1:
                folder = part("gateway.telemetry.worker_files", "counted_in")(settings.metrics_folder)
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(folder)
        except (OSError, LoadError) as exc:
            fail(exc, settings)
        code = run(app, settings, sockets)
    leave(code)


def make(create_app: Callable[[Settings], Starlette]) -> tuple[Settings, Starlette]:
    """The settings of the environment, and the application they make."""
    settings = None
    try:
        settings = Settings.from_env(os.environ)
        log.configure(settings.log_level, settings.log_format)
        log.take_over()
        return settings, create_app(settings)
    except (SettingError, LoadError) as exc:
        fail(exc, settings)


class Server(uvicorn.Server):
    """Says what it serves when it serves it: up to then, a server's own start may fail."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is loaded stays: to look through it again holds up every call by a tenth of a second
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        logger.info("ended")  # here: the signal that ended it is raised again before anything else runs


def run(app: Starlette, settings: Settings, sockets: list[socket.socket]) -> int:
    """Until the end, which may be the signal's; exit code 1 where the application did not start, 130 after Ctrl+C."""
    announce = partial(_announce, app.state.registry, settings, sockets[0])
    config = uvicorn.Config(
        app if settings.workers == 1 else "app:app",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks for the client's address
        timeout_worker_healthcheck=WORKER_START,
        timeout_graceful_shutdown=settings.shutdown_grace,  # type: ignore[arg-type]  # seconds, whole or not
        **websocket(settings),
    )
    if settings.workers > 1:
        announce()
        workers = Workers(config, sockets=sockets)
        workers.run()
        logger.info("ended")
        return 1 if any(process.exitcode == STARTUP_FAILURE for process in workers.processes) else 0
    try:
        Server(config, announce).run(sockets=sockets)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit:
        return 1
    return 0


def websocket(settings: Settings) -> dict[str, Any]:
    """uvicorn's options. Frames are not compressed: it would cost each connection memory, and each frame time."""
    if not settings.websocket:
        return {"ws": "none"}
    return {
        "ws": "process.websocket_protocol:WebSocketProtocol",
        "ws_max_size": max(4 * settings.max_body, MIN_FRAME),
        "ws_ping_interval": PING,
        "ws_ping_timeout": PING,
        "ws_per_message_deflate": False,
    }


def leave(code: int) -> NoReturn:
    """End the process. Python waits for each thread, but a tool that still sleeps in one must not hold up the end."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def listen(host: str, port: int, setting: str = "PORT") -> socket.socket:
    """A listening socket whose connections get TCP_NODELAY: asyncio sets it where the protocol is named.

    Raises:
        OSError: with a message that says what to do.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as exc:
        raise OSError(f"HOST={host!r}: no such host; use 127.0.0.1, or 0.0.0.0 for all addresses") from exc
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as exc:
        listener.close()
        reason = (exc.strerror or str(exc)).lower()
        raise OSError(
            f"{setting}={port}: cannot listen on {host}:{port}, {reason}; set another {setting} or HOST"
        ) from exc
    listener.set_inheritable(True)
    return listener


def fail(exc: Exception, settings: Settings | None) -> NoReturn:
    """One line, as the log's are; the traceback with LOG_LEVEL=debug."""
    if settings is not None and settings.log_level == "debug":
        logger.debug("start failed", exc_info=exc)
    if (settings.log_format if settings is not None else os.environ.get("LOG_FORMAT", "").strip().lower()) == "json":
        log.configure("error", "json")
        logger.error("%s", exc)
        sys.exit(1)
    sys.exit(f"multi-mcp: {exc}")


def _announce(registry: Registry, settings: Settings, listener: socket.socket) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{listener.getsockname()[1]}"
    print(*lines(registry, settings, base), sep="\n", flush=True)
    logger.info("serving", extra={"fields": {"url": base}})
