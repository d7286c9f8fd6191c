"""Several worker processes, and what is said of each: that it started, and how it ended."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable

from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

logger = logging.getLogger(__name__)
_EXPECTED = (0, -signal.SIGTERM)


class Workers(Multiprocess):
    """Notices at once that a worker ended: its pipe has no other end in this process, which would keep it open."""

    def init_processes(self) -> None:
        self._known: dict[int | None, Process] = {}
        super().init_processes()
        for process in self.processes:
            process.child_conn.close()
        self._tell(self.processes)

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        self._tell(self.processes)

    def join_all(self) -> None:
        super().join_all()
        self._tell([])

    def _tell(self, processes: Iterable[Process]) -> None:
        """What changed since the last time, signals that add or replace workers included."""
        now = {process.pid: process for process in processes}
        for pid, process in self._known.items():
            if pid not in now:
                level = logging.INFO if process.exitcode in _EXPECTED else logging.WARNING
                logger.log(level, "worker ended", extra={"fields": {"pid": pid, "exit": process.exitcode}})
        for pid in now:
            if pid not in self._known:
                logger.info("worker started", extra={"fields": {"pid": pid}})
        self._known = now
