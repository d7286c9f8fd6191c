"""The signals of the process."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)


def present(*names: str) -> list[signal.Signals]:
    """Returns the signals of these names that the system has. Windows has few of them."""
    return [number for number in signal.Signals if number.name in names]


@contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Calls `handler` for these signals, and restores their handlers afterwards. For the main thread only."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def log_and_ignore(number: int, frame: FrameType | None) -> None:
    """A handler for signals that mean nothing here, and would kill the process.

    Not SIG_IGN, which the child processes of tools would inherit.
    """
    logger.info("signal ignored", extra={"fields": {"signal": signal.Signals(number).name}})
