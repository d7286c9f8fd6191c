"""What is said of each worker. With real ones it is tested in tests/process."""

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
    """A process of uvicorn's, as far as it is looked at."""

    pid: int
    exitcode: int | None = None
    child_conn: Pipe = field(default_factory=Pipe)

    def is_alive(self, timeout: float) -> bool:
        return self.exitcode is None

    def join(self) -> None:
        self.exitcode = -signal.SIGTERM if self.exitcode is None else self.exitcode


@pytest.fixture
def workers() -> Iterator[Workers]:
    """None is started yet; those that are there are given by the test."""
    before = {number: signal.getsignal(number) for number in range(1, 32)}
    made = Workers(uvicorn.Config("none", log_config=None, workers=2), sockets=[])
    made.processes_num = 0
    yield made
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def test_each_that_starts_and_each_that_ends_is_said_once(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one, other, third = Worker(1), Worker(2), Worker(3)
    given: Any = workers
    given.processes = [one, other]
    workers.init_processes()
    workers.keep_subprocess_alive()
    other.exitcode = -signal.SIGKILL
    given.processes = [one, third]
    workers.keep_subprocess_alive()
    workers.join_all()
    said = [(record.levelname, record.message, record.__dict__["fields"]) for record in caplog.records]
    assert said == [
        ("INFO", "worker started", {"pid": 1}),
        ("INFO", "worker started", {"pid": 2}),
        ("WARNING", "worker ended", {"pid": 2, "exit": -9}),
        ("INFO", "worker started", {"pid": 3}),
        ("INFO", "worker ended", {"pid": 1, "exit": -15}),
        ("INFO", "worker ended", {"pid": 3, "exit": -15}),
    ]
