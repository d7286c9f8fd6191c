"""A shell that keeps its variables from one command to the next."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

END = "-- end of command --"


class Shell:
    """Bash in `folder`."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> str:
        """Runs a command; returns its standard output and error output together, without outer white space."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\nprintf '\\n%s\\n' '{END}'\n")
        self._process.stdin.flush()
        lines = []
        while (line := self._process.stdout.readline()).rstrip("\n") != END:
            assert line, "the shell ended"
            lines.append(line)
        return "".join(lines).strip()
