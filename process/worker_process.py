"""One worker: the process, as its parent sees it, and what runs in it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from features.asking import Inheritance, inherited
from gateway.local.hints import hints
from process.server import Server
from process.signals import handled, log_and_ignore, present

logger = logging.getLogger(__name__)

REPORT_INTERVAL = 5.0
REPORT_INTERVAL_OF_A_START = 0.05
"""Seconds between the reports of a worker to its parent."""


class Worker:
    """A worker that was started. `is_up` is True when it serves, `heard` the time of its last report."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], drain_delay: float, inheritance: Inheritance
    ) -> None:
        self._reports, own = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=_work, args=(config, sockets, drain_delay, inheritance, own))
        self._process.start()
        own.close()  # open in this process too, the pipe would not report the exit of the worker at its other end
        self.is_up = False
        self.heard = time.monotonic()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    @property
    def handles(self) -> Sequence[Any]:
        """Handles for `multiprocessing.connection.wait`: one is ready when the worker has reported or has exited."""
        return (self._reports, self._process.sentinel)

    def look(self) -> None:
        """Reads the reports that have come."""
        with suppress(OSError, EOFError):
            while self._reports.poll():
                self.is_up = self._reports.recv()
                self.heard = time.monotonic()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _work(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    drain_delay: float,
    inheritance: Inheritance,
    parent: Connection,
) -> None:
    inherited.set(inheritance)
    hints.setLevel(logging.CRITICAL)  # the parent has loaded the same files
    # A SIGHUP of the terminal reaches all processes of its group. The parent replaces its workers then.
    with handled(present("SIGUSR1", "SIGUSR2", "SIGHUP"), log_and_ignore), suppress(KeyboardInterrupt):
        server = Server(config, drain_delay, lambda: None, is_worker=True)
        threading.Thread(target=_report, args=(server, parent), daemon=True).start()
        server.run(sockets)


def _report(server: Server, parent: Connection) -> None:
    """Tells the parent if this worker serves, and ends it like SIGTERM when the parent is gone."""
    try:
        while True:
            parent.send(server.started)
            if parent.poll(REPORT_INTERVAL if server.started else REPORT_INTERVAL_OF_A_START):
                parent.recv()  # the parent sends nothing: this is the end of the pipe
    except (OSError, EOFError):
        logger.warning("the parent process is gone; this worker ends")
        os.kill(os.getpid(), signal.SIGTERM)
