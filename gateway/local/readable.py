"""The error of a folder that the process may not read, the commonest mistake with a mounted volume."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import LoadError


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turns a refusal of the system to read something in `folder` into a line that says which user needs what.

    Raises:
        LoadError
    """
    try:
        yield
    except PermissionError as exc:
        user = f"user {os.geteuid()}" if hasattr(os, "geteuid") else "the user of this process"
        needs = f"it needs to read the files and to enter the folders there: chmod -R o+rX {shlex.quote(str(folder))}"
        raise LoadError(f"MCP_SERVERS_DIR: {user} may not read {str(exc.filename or folder)!r}; {needs}") from exc
