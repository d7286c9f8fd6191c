"""The progress of a tool in another process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest


class Note:
    """A file to which a tool appends its progress: `began`, then `done` or `cancelled`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    def await_lines(self, *lines: str, within: float = 10) -> float:
        """Waits until the file has exactly these lines, and returns the seconds that this took."""
        started = time.monotonic()
        while self.lines() != [*lines]:
            if time.monotonic() > started + within:
                pytest.fail(f"{self.lines()} is not {lines}")
            time.sleep(0.02)
        return time.monotonic() - started
