"""The parent of workers: which it starts, replaces and ends, and what it logs. Real ones are tested in `live`."""

from __future__ import annotations

import logging
import signal
from typing import Any

import pytest

from process.workers import MAX_FAILED_STARTS, MAX_SILENCE
from tests.process.scripted import END, Parent, Worker, come_up, die, fail_to_start, fall_silent, signalling, stay


def test_router_serves_when_its_first_worker_does_and_says_so_once() -> None:
    parent = Parent([stay, stay, stay, END], [stay, come_up], workers=2)
    assert parent.run() == 0
    assert parent.announced == [2]


def test_router_whose_workers_never_serve_does_not_say_that_it_does() -> None:
    parent = Parent([stay, END], [stay], workers=2)
    assert parent.run() == 0
    assert parent.announced == []


def test_every_worker_is_asked_to_end_and_forgotten() -> None:
    parent = Parent([come_up, END], [come_up], workers=2)
    assert parent.run() == 0
    assert [worker.terminated for worker in parent.started] == [1, 1]
    assert sorted(parent.forgotten) == [1, 2]


def test_each_worker_is_logged_once_when_it_starts_and_once_when_it_exits(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Parent([come_up, die], [come_up, stay, END]).run()
    logged = [(record.levelname, record.message, record.__dict__["fields"]) for record in caplog.records]
    assert logged == [
        ("INFO", "worker started", {"pid": 1}),
        ("WARNING", "worker exited", {"pid": 1, "exit": 1}),
        ("INFO", "worker started", {"pid": 2}),
        ("INFO", "worker exited", {"pid": 2, "exit": -15}),
    ]


def test_worker_that_served_and_died_is_replaced_at_once() -> None:
    parent = Parent([come_up, die], [come_up, die], [come_up, die], [come_up, END])
    assert parent.run() == 0
    pauses = [later - sooner for sooner, later in zip(parent.start_times, parent.start_times[1:], strict=False)]
    assert max(pauses) < 2


@pytest.mark.slow
def test_workers_that_die_in_their_start_are_started_after_growing_pauses_and_then_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parent = Parent(*[[die]] * 10)
    assert parent.run() == 1
    assert len(parent.started) == MAX_FAILED_STARTS
    pauses = [later - sooner for sooner, later in zip(parent.start_times, parent.start_times[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[0]
    assert caplog.records[-1].message == "no worker starts: 5 in a row exited before they served"
    assert parent.announced == []


def test_router_with_a_worker_that_serves_is_not_given_up() -> None:
    parent = Parent([come_up], *[[die]] * 10, [come_up, END], workers=2)
    assert parent.run() == 0
    assert len(parent.started) == 12


def test_server_that_does_not_start_ends_the_router_at_once() -> None:
    parent = Parent([fail_to_start], [stay], workers=2)
    assert parent.run() == 1
    assert len(parent.started) == 2
    assert parent.started[1].terminated == 1


@pytest.mark.slow
def test_router_is_given_up_once_even_if_several_workers_die_together(caplog: pytest.LogCaptureFixture) -> None:
    assert Parent(*[[die]] * 20, workers=3).run() == 1
    assert len([message for message in caplog.messages if message.startswith("no worker starts")]) == 1


def test_silent_worker_is_killed_and_replaced() -> None:
    parent = Parent([come_up, fall_silent], [come_up, END])
    assert parent.run() == 0
    assert parent.started[0].exit_code == -signal.SIGKILL
    assert parent.now > MAX_SILENCE


def test_hangup_replaces_every_worker_after_its_successor_serves() -> None:
    hangup = signalling(signal.SIGHUP)
    parent = Parent([come_up, hangup], [come_up], [stay, stay, come_up], [stay, come_up, stay, END], workers=2)
    assert parent.run() == 0
    assert [worker.terminated for worker in parent.started] == [1, 1, 1, 1]
    assert parent.forgotten[:2] == [1, 2]


def test_hangup_keeps_the_workers_if_a_successor_does_not_start(caplog: pytest.LogCaptureFixture) -> None:
    parent = Parent([come_up, signalling(signal.SIGHUP), stay, stay, stay, END], [fail_to_start])
    assert parent.run() == 0
    assert "a new worker did not start; the others are not replaced" in caplog.messages
    assert len(parent.started) == 2


def test_workers_are_added_and_removed_by_signal() -> None:
    more, fewer = signalling(signal.SIGTTIN), signalling(signal.SIGTTOU)
    parent = Parent([come_up, more, stay, fewer, stay, fewer, END])
    assert parent.run() == 0
    assert parent.forgotten == [2, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_a_second_signal_reaches_the_workers_too(number: signal.Signals) -> None:
    class Slow(Worker):
        def terminate(self) -> None:
            self.terminated += 1
            if self.terminated == 2:
                self.exit_code = 0

    parent = Parent()
    slow = Slow(1, iter([come_up, signalling(number), signalling(number)]))
    given: Any = parent._workers
    given._start = lambda: slow
    assert parent.run() == 0
    assert slow.terminated == 2


@pytest.mark.slow
def test_worker_that_does_not_end_within_the_grace_is_killed() -> None:
    class Stuck(Worker):
        def terminate(self) -> None: ...

    parent = Parent()
    stuck = Stuck(1, iter([come_up, END]))
    given: Any = parent._workers
    given._start = lambda: stuck
    assert parent.run() == 0
    assert stuck.exit_code == -signal.SIGKILL
