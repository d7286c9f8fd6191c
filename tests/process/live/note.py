"""What became of a tool in another process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest


class Note:
    """A file that a tool writes into what becomes of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    def await_lines(self, *lines: str) -> float:
        """Until the tool has written these and no other; the seconds that it took."""
        started = time.monotonic()
        while self.lines() != [*lines]:
            if time.monotonic() > started + 10:
                pytest.fail(f"{self.lines()} is not {lines}")
            time.sleep(0.02)
        return time.monotonic() - started
