"""Tests of the stack of another thread, and of the call found in it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gateway.call import ToolCall
from gateway.telemetry.stack import INNERMOST, OUTERMOST, running_code
from tests.calls import make_call

HERE = str(Path(__file__).parent)


class Waiting:
    """A thread that waits below as many frames as the test wants."""

    def __init__(self, depth: int, call: ToolCall | None) -> None:
        self._inside = threading.Event()
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._chain, args=(call, depth))

    def code(self) -> tuple[ToolCall | None, str]:
        self._thread.start()
        self._inside.wait()
        found = running_code(sys._current_frames()[self._thread.ident or 0], HERE)
        self._go.set()
        self._thread.join()
        return found

    def _chain(self, call: ToolCall | None, depth: int) -> None:
        self._tool(depth)

    def _tool(self, depth: int) -> None:
        if depth:
            self._tool(depth - 1)
        else:
            self._inside.set()
            self._go.wait()


def test_call_is_found_and_its_code_is_shown_from_the_outside_to_the_inside() -> None:
    call = make_call("add")
    found, stack = Waiting(1, call).code()
    assert found is call
    outer, inner, *_ = stack.split(" > ")
    assert outer.startswith("test_stack.py:")
    assert (outer.split()[1], inner.split()[1], stack.split()[-1]) == ("_tool", "_tool", "wait")
    assert "_chain" not in stack


def test_stack_without_a_call_is_shown_to_its_beginning() -> None:
    found, stack = Waiting(0, None).code()
    assert found is None
    assert " _chain > " in stack


def test_long_stack_is_shortened_in_its_middle() -> None:
    _, stack = Waiting(500, make_call("add")).code()
    places = stack.split(" > ")
    assert len(places) == OUTERMOST + 1 + INNERMOST
    assert places[OUTERMOST] == "…"
    assert len(stack) < 4000


def test_thread_that_has_ended_has_no_stack() -> None:
    assert running_code(None, HERE) == (None, "")
