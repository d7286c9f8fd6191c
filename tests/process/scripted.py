"""Workers that follow a script, and their parent."""

from __future__ import annotations

import math
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from uvicorn.config import STARTUP_FAILURE

from process.workers import Workers

Step = Callable[["Worker"], None]


class Worker:
    """Takes one step of its script at each look, and then stays as it is. It reports all the time."""

    def __init__(self, pid: int, script: Iterator[Step]) -> None:
        self.pid = pid
        self.exit_code: int | None = None
        self.is_up = False
        self.heard = math.inf
        self.terminated = 0
        self._script = script
        readable, other = multiprocessing.Pipe()
        other.send(None)
        self.handles = [readable]  # always ready, so that nobody waits

    def look(self) -> None:
        next(self._script, stay)(self)

    def terminate(self) -> None:
        self.terminated += 1
        self.exit_code = -signal.SIGTERM

    def kill(self) -> None:
        self.exit_code = -signal.SIGKILL


def fall_silent(worker: Worker) -> None:
    worker.heard = 0.0


def stay(worker: Worker) -> None: ...


def come_up(worker: Worker) -> None:
    worker.is_up = True


def die(worker: Worker) -> None:
    worker.exit_code = 1


def fail_to_start(worker: Worker) -> None:
    worker.exit_code = STARTUP_FAILURE


def signalling(number: signal.Signals) -> Step:
    return lambda _: signal.raise_signal(number)


END = signalling(signal.SIGTERM)


class Parent:
    """Runs the scripts, one for each worker in the order of their starts; further workers come up and stay."""

    def __init__(self, *scripts: Sequence[Step], workers: int = 1) -> None:
        self.started: list[Worker] = []
        self.start_times: list[float] = []
        self.announced: list[int] = []
        self.forgotten: list[int] = []
        self._scripts = iter(scripts)
        self._seconds = count()
        self.now = 0.0
        start: Any = self._start
        self._workers = Workers(
            start,
            count=workers,
            grace=1000,
            announce=lambda: self.announced.append(len(self.started)),
            forget=self.forgotten.append,
            sockets=[],
            clock=self._clock,
        )

    def run(self) -> int:
        return self._workers.run()

    def _clock(self) -> float:
        """Returns a tenth of a second more each time."""
        self.now = next(self._seconds) / 10
        return self.now

    def _start(self) -> Worker:
        worker = Worker(len(self.started) + 1, iter(next(self._scripts, [come_up])))
        self.started.append(worker)
        self.start_times.append(self.now)
        return worker
