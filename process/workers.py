"""Several worker processes: their parent starts and replaces them, and logs each when it starts and when it exits."""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait

from uvicorn.config import STARTUP_FAILURE

from process.signals import handled, present
from process.worker_process import Worker

logger = logging.getLogger(__name__)

MAX_FAILED_STARTS = 5
"""Workers in a row that may exit before they serve. Then the parent gives up, unless another worker serves."""

MAX_START_DELAY = 30.0
"""Seconds. The first failed start is followed by another after half a second, each further one after twice the time."""

MAX_SILENCE = 60.0
"""Seconds without a report after which a worker is killed; also the time in which it must have imported the program."""

_ENDING = present("SIGINT", "SIGTERM", "SIGQUIT")
_SIGNALS = [*_ENDING, *present("SIGHUP", "SIGTTIN", "SIGTTOU")]
_EXPECTED_EXIT_CODES = (0, -signal.SIGTERM)


class Workers:
    """Keeps `count` workers running.

    `start` starts one, `announce` is called once when the first one serves, `forget` with the process id of each that
    has exited. The end closes `sockets`, so that the last worker to close them stops listening. A worker that has not
    exited `grace` seconds later is killed.

    SIGHUP replaces all workers, one after the other; SIGTTIN adds one and SIGTTOU removes one.
    """

    def __init__(
        self,
        start: Callable[[], Worker],
        *,
        count: int,
        grace: float,
        announce: Callable[[], None],
        forget: Callable[[int], None],
        sockets: Sequence[socket.socket],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._count = count
        self._grace = grace
        self._announce = announce
        self._forget = forget
        self._sockets = sockets
        self._clock = clock
        self._signals: list[int] = []
        self._workers: list[Worker] = []
        self._leaving: list[Worker] = []
        self._to_replace: list[Worker] = []
        self._is_announced = False
        self._failed_starts = 0
        self._next_start = 0.0
        self._exit_code: int | None = None

    def run(self) -> int:
        """Returns the exit code of the parent: 1 if no worker starts."""
        with handled(_SIGNALS, lambda number, _: self._signals.append(number)):
            while self._exit_code is None:
                self._start_missing()
                self._replace_next()
                self._watch()
                self._handle_signals()
            self._end()
        return self._exit_code

    def _start_missing(self) -> None:
        while len(self._workers) < self._count + bool(self._to_replace) and self._clock() >= self._next_start:
            worker = self._start()
            self._workers.append(worker)
            logger.info("worker started", extra={"fields": {"pid": worker.pid}})

    def _replace_next(self) -> None:
        """Lets the next of the workers to be replaced leave, if there is one more than needed and all of them serve."""
        if self._to_replace and len(self._workers) > self._count and all(worker.is_up for worker in self._workers):
            self._retire(self._to_replace.pop(0))

    def _retire(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self._leaving.append(worker)
        worker.terminate()

    def _watch(self) -> None:
        """Waits for a report or an exit, for a short time, and takes note of it."""
        every = [*self._workers, *self._leaving]
        wait([handle for worker in every for handle in worker.handles], timeout=0.2)
        for worker in every:
            was_up = worker.is_up
            worker.look()
            if worker.is_up and not was_up:
                self._has_come_up()
            if worker.exit_code is not None:
                self._has_exited(worker)
            elif self._clock() > worker.heard + MAX_SILENCE:
                worker.kill()

    def _has_come_up(self) -> None:
        self._failed_starts = 0
        if not self._is_announced:
            self._is_announced = True
            self._announce()

    def _has_exited(self, worker: Worker) -> None:
        level = logging.INFO if worker.exit_code in _EXPECTED_EXIT_CODES else logging.WARNING
        logger.log(level, "worker exited", extra={"fields": {"pid": worker.pid, "exit": worker.exit_code}})
        self._forget(worker.pid)
        if worker in self._leaving:
            self._leaving.remove(worker)
            return
        self._workers.remove(worker)
        if worker in self._to_replace:
            self._to_replace.remove(worker)
        if worker.is_up:
            self._next_start = 0.0
        else:
            self._start_failed(worker)

    def _start_failed(self, worker: Worker) -> None:
        if self._to_replace:
            logger.error("a new worker did not start; the others are not replaced")
            self._to_replace.clear()
        self._failed_starts += 1
        self._next_start = self._clock() + min(2.0 ** (self._failed_starts - 2), MAX_START_DELAY)
        if self._exit_code is not None or any(other.is_up for other in self._workers):
            return
        if worker.exit_code == STARTUP_FAILURE:  # the worker has logged which server does not start
            self._exit_code = 1
        elif self._failed_starts >= MAX_FAILED_STARTS:
            logger.error("no worker starts: %d in a row exited before they served", self._failed_starts)
            self._exit_code = 1

    def _handle_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number in _ENDING:
                self._exit_code = self._exit_code or 0
            elif number == signal.SIGHUP:
                self._to_replace = [*self._workers]
            elif number == signal.SIGTTIN:
                self._count += 1
            elif self._count > 1:
                self._count -= 1
                if len(self._workers) > self._count:  # else one is missing at this moment, and not started again
                    self._retire(self._workers[-1])

    def _end(self) -> None:
        """Ends all workers. A further signal reaches them too, and ends their delay."""
        for each in self._sockets:
            each.close()
        self._leaving += self._workers
        self._workers.clear()
        self._to_replace.clear()
        until = self._clock() + self._grace
        self._signals.append(signal.SIGTERM)
        while self._leaving:
            if self._signals:
                self._signals.clear()
                for worker in self._leaving:
                    worker.terminate()
            if self._clock() > until:
                for worker in self._leaving:
                    worker.kill()
            self._watch()
