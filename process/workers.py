"""Several worker processes, each of which is logged when it starts and when it exits."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterable

import uvicorn
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

logger = logging.getLogger(__name__)
_EXPECTED_EXIT_CODES = (0, -signal.SIGTERM)


class Workers(Multiprocess):
    """Calls `forget` with the process id of each worker that has exited."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], forget: Callable[[int], None]) -> None:
        super().__init__(config, sockets)
        self._forget = forget
        self._logged: dict[int | None, Process] = {}

    def init_processes(self) -> None:
        super().init_processes()
        for process in self.processes:
            # Open in this process too, the pipe would not report the exit of the worker at its other end.
            process.child_conn.close()
        self._log_changes(self.processes)

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        self._log_changes(self.processes)

    def join_all(self) -> None:
        super().join_all()
        self._log_changes([])

    def _log_changes(self, processes: Iterable[Process]) -> None:
        """Compares with the last time, as signals add and replace workers too."""
        now = {process.pid: process for process in processes}
        for pid, process in self._logged.items():
            if pid is not None and pid not in now:
                level = logging.INFO if process.exitcode in _EXPECTED_EXIT_CODES else logging.WARNING
                logger.log(level, "worker exited", extra={"fields": {"pid": pid, "exit": process.exitcode}})
                self._forget(pid)
        for pid in now:
            if pid not in self._logged:
                logger.info("worker started", extra={"fields": {"pid": pid}})
        self._logged = now
