"""How the process runs: its socket, its workers, what it prints, how it ends."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

import log
from environment import SettingError
from gateway.errors import LoadError
from gateway.registry import Registry
from routes.index import urls
from settings import Settings

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
    try:
        listener = listen(settings.host, settings.port)
    except OSError as exc:
        fail(exc, settings)
    with listener:
        run(app, settings, listener)


def make(create_app: Callable[[Settings], Starlette]) -> tuple[Settings, Starlette]:
    """The settings of the environment, and the application they make."""
    settings = None
    try:
        settings = Settings.from_env(os.environ)
        log.configure(settings.log_level, settings.log_format)
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


class Workers(Multiprocess):
    """Notices at once that a worker ended: its pipe has no other end in this process, which would keep it open."""

    def init_processes(self) -> None:
        super().init_processes()
        for process in self.processes:
            process.child_conn.close()


def run(app: Starlette, settings: Settings, listener: socket.socket) -> NoReturn:
    """Until the end; exit code 1 where the application did not start, 130 after Ctrl+C."""
    announce = partial(print_table, app.state.registry, settings, listener)
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
        workers = Workers(config, sockets=[listener])
        workers.run()
        failed = any(process.exitcode == STARTUP_FAILURE for process in workers.processes)
        leave(1 if failed else 0)
    try:
        Server(config, announce).run(sockets=[listener])
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except SystemExit:
        leave(1)
    leave(0)


def websocket(settings: Settings) -> dict[str, Any]:
    """uvicorn's options. Frames are not compressed: it would cost each connection memory, and each frame time."""
    if not settings.websocket:
        return {"ws": "none"}
    return {
        "ws": "websocket_protocol:WebSocketProtocol",
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


def listen(host: str, port: int) -> socket.socket:
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
        raise OSError(f"PORT={port}: cannot listen on {host}:{port}, {reason}; set another PORT or HOST") from exc
    listener.set_inheritable(True)
    return listener


def fail(exc: Exception, settings: Settings | None) -> NoReturn:
    """One line; the traceback with LOG_LEVEL=debug."""
    if settings is not None and settings.log_level == "debug":
        logging.getLogger(__name__).debug("start failed", exc_info=exc)
    sys.exit(f"multi-mcp: {exc}")


def print_table(registry: Registry, settings: Settings, listener: socket.socket) -> None:
    """What is mounted: each server, its tools, its URLs."""
    host, port = settings.host, listener.getsockname()[1]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    rows = [("SERVER", "TOOLS", "URLS")]
    for server in registry:
        tools = textwrap.shorten(", ".join(tool["name"] for tool in server.tools()) or "-", 60, placeholder=" …")
        own = urls(server, base)
        rows += [(server.name, tools, own["mcp"])]
        rows += [("", "", own[name]) for name in ("tools", "call", "health")]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {tools:<{widths[1]}}  {url}".rstrip() for name, tools, url in rows]
    if settings.workers > 1:
        lines.append(f"{settings.workers} workers: stateless, so no MCP sessions, sampling, elicitation or resuming")
    sockets = "  /ws" if settings.websocket else ""
    print(*lines, f"All of them: {base}/mcp  /tools  /call  /health  /docs{sockets}", sep="\n", flush=True)
