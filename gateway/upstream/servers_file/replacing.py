"""Replaces files as a whole: who reads one meanwhile gets the old or the new, never a part."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

ANYBODY_WRITES = 0o222
"""The bits of a mode of which a file that may be changed has one."""


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Locks a folder, as its files are replaced. Other processes wait meanwhile. Yields its descriptor."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def prepared(path: Path, content: bytes, like: os.stat_result | None, *, prefix: str = "") -> Iterator[Path]:
    """Yields a complete new file beside `path`, which is removed unless it was moved there.

    It has the owner and the mode of `like`, and is else for its owner alone. `prefix` is the name for which `sweep`
    looks, that of `path` if it is empty.
    """
    handle, name = mkstemp(dir=path.parent, prefix=f".{prefix or path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            if like is not None:
                with suppress(PermissionError):
                    os.fchown(handle, like.st_uid, like.st_gid)
                os.fchmod(handle, like.st_mode & 0o7777)
            file.write(content)
            file.flush()
            os.fsync(handle)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Removes what a process left that ended in mid-write."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink(missing_ok=True)
