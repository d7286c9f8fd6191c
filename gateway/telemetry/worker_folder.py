"""The folder in which worker processes count, each in files named by its process id. A scrape adds them up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from gateway.errors import LoadError

_MEMORY = "/dev/shm"  # noqa: S108  # writable in a container whose root is read-only


@contextmanager
def worker_folder(given: str) -> Iterator[str]:
    """Provides an empty folder: `given`, or a temporary one that is removed at the end.

    Raises:
        LoadError: the folder cannot be used.
    """
    with nullcontext(given) if given else _temporary() as folder:
        # Counts of an earlier run would be added to those of this one.
        for file in make_folder(folder).glob("*.db"):
            file.unlink(missing_ok=True)
        yield folder


def make_folder(given: str) -> Path:
    """Makes the folder if it is missing.

    Raises:
        LoadError: it cannot be made, or not be written to.
    """
    folder = Path(given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as exc:
        raise _unusable(given, exc) from exc
    return folder


def _temporary() -> tempfile.TemporaryDirectory[str]:
    prefix = "multi-mcp-metrics-"
    with suppress(OSError):
        return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY, ignore_cleanup_errors=True)
    except OSError as exc:
        raise _unusable("", exc) from exc


def _unusable(given: str, exc: OSError) -> LoadError:
    reason = (exc.strerror or str(exc)).lower()
    return LoadError(f"PROMETHEUS_MULTIPROC_DIR={given!r}: workers cannot count there, {reason}; name another folder")
