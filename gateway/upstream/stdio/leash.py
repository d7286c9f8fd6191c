"""Ends every child's process group when this process is killed: one watching process for all of them.

Run as a program it is that process. It reads `+PGID` and `-PGID` lines from its standard input, which ends with its
parent however that ends, and uses nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


class Leash:
    """The watching process, started with the first child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._held: set[int] = set()

    def hold(self, group: int) -> None:
        self._held.add(group)
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-ISs", str(Path(__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={},
                cwd="/",
            )
        self._write(f"+{group}\n")

    def release(self, group: int) -> None:
        self._held.discard(group)
        self._write(f"-{group}\n")

    def close_if_idle(self) -> None:
        """Ends the watching process if no child is left. The next child starts another one."""
        if self._process is not None and not self._held:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _write(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
            except BrokenPipeError:  # somebody killed it; the next child starts another one
                self._process.stdin = None
                self._process.kill()


def watch(lines: BinaryIO) -> None:
    """Follows the lines, and ends the groups that are left when they end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in lines:
        if line.startswith(b"+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    for number in (signal.SIGTERM, signal.SIGKILL):
        ends = time.monotonic() + GRACE
        groups = {group for group in groups if _signal(group, number)}
        while groups and number == signal.SIGTERM and time.monotonic() < ends:
            time.sleep(0.05)
            groups = {group for group in groups if _signal(group, 0)}


def _signal(group: int, number: int) -> bool:
    """Returns False if the group has no process."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    watch(sys.stdin.buffer)
