"""Routers as child processes, ended after their test whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.process.router import Router


class Start(Protocol):
    """Start a process with these settings; `python app.py` unless another command follows `python`."""

    def __call__(self, *command: str, **settings: str) -> Router: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    numbers = count(1)
    with ExitStack() as stack:

        def begin(*command: str, **settings: str) -> Router:
            folder = tmp_path / f"router-{next(numbers)}"
            folder.mkdir()
            return stack.enter_context(Router(folder, *command, **settings))

        yield begin
