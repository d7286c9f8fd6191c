"""The state of files on disk, which shows that one was written or replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Stamps = Mapping[Path, object]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Returns for each path what differs after it was written or replaced; None for one that is not there."""
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
