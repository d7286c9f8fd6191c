"""The log of workers, and the notice of those that exit. Real workers are tested in tests/process/live."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from process.workers import Workers


class Pipe:
    def close(self) -> None: ...


@dataclass
class Worker:
    """Stands for uvicorn's `Process`, with the attributes that are read."""

    pid: int
    exitcode: int | None = None
    child_conn: Pipe = field(default_factory=Pipe)

    def is_alive(self, timeout: float) -> bool:
        return self.exitcode is None

    def join(self) -> None:
        self.exitcode = -signal.SIGTERM if self.exitcode is None else self.exitcode


@pytest.fixture
def forgotten() -> list[int]:
    return []


@pytest.fixture
def workers(forgotten: list[int]) -> Iterator[Workers]:
    """Starts no process: the test sets `processes`."""
    before = {number: signal.getsignal(number) for number in range(1, 32)}
    made = Workers(uvicorn.Config("none", log_config=None, workers=2), [], forgotten.append)
    made.processes_num = 0
    yield made
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def test_each_worker_is_logged_once_when_it_starts_and_once_when_it_exits(
    workers: Workers, forgotten: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one, other, third = Worker(1), Worker(2), Worker(3)
    given: Any = workers
    given.processes = [one, other]
    workers.init_processes()
    workers.keep_subprocess_alive()
    other.exitcode = -signal.SIGKILL
    given.processes = [one, third]
    workers.keep_subprocess_alive()
    assert forgotten == [2]
    workers.join_all()
    assert forgotten == [2, 1, 3]
    logged = [(record.levelname, record.message, record.__dict__["fields"]) for record in caplog.records]
    assert logged == [
        ("INFO", "worker started", {"pid": 1}),
        ("INFO", "worker started", {"pid": 2}),
        ("WARNING", "worker exited", {"pid": 2, "exit": -9}),
        ("INFO", "worker started", {"pid": 3}),
        ("INFO", "worker exited", {"pid": 1, "exit": -15}),
        ("INFO", "worker exited", {"pid": 3, "exit": -15}),
    ]
