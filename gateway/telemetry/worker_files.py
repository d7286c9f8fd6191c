"""The folder in which several workers count, each into files of its own; whoever is scraped adds them up.

The files are those of Prometheus' client, which names them by process id and would keep those of each worker that ever
was. Here a worker has a number: the first that no living one holds. It goes on counting where the one before it
stopped, however that ended, and there are never more files than there were workers at once.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path

from gateway.errors import LoadError

_MEMORY = "/dev/shm"  # noqa: S108  # where the root is read-only, a container still has this


@contextmanager
def counted_in(given: str) -> Iterator[str]:
    """A folder for the workers to be started: `given`, without what workers left there that are no more, or a new one.

    Raises:
        LoadError: it cannot be used.
    """
    try:
        if given:
            _clear(_made(given))
        folder = nullcontext(given) if given else _temporary()
    except OSError as exc:
        raise _unusable(given, exc) from exc
    with folder as usable:
        yield usable


def _temporary() -> tempfile.TemporaryDirectory[str]:
    prefix = "multi-mcp-metrics-"
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    except OSError:
        return tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY, ignore_cleanup_errors=True)


def _made(given: str) -> Path:
    folder = Path(given)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unusable(given: str, exc: OSError) -> LoadError:
    reason = (exc.strerror or str(exc)).lower()
    return LoadError(f"PROMETHEUS_MULTIPROC_DIR={given!r}: workers cannot count there, {reason}; name another folder")


def _clear(folder: Path) -> None:
    """Only what these files are called, and only where no worker of another router counts."""
    living = {number for number, lock in _locks(folder) if not _is_free(lock)}
    for file in folder.glob("*.db"):
        if file.stem.rpartition("_")[2] not in living:
            file.unlink(missing_ok=True)


class MetricFiles:
    """The files of one worker: `number` is its own until its process ends.

    Raises:
        LoadError: the folder cannot be used.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        try:
            self.number = self._claim(_made(folder))
        except OSError as exc:
            raise _unusable(folder, exc) from exc
        _drop_gauges(Path(folder), self.number)

    def _claim(self, folder: Path) -> str:
        for number in count(1):
            self._lock = _open(folder / f"worker_{number}.lock")
            if _locked(self._lock):
                return str(number)
            os.close(self._lock)
        raise AssertionError("there is always one more")

    def forget_the_dead(self) -> None:
        """What a worker that is no more had open or in flight is no more either. What it counted stays."""
        for number, lock in _locks(Path(self.folder)):
            if number == self.number:
                continue
            descriptor = _open(lock)
            if _locked(descriptor):  # and held meanwhile, so that no new worker has this number
                _drop_gauges(Path(self.folder), number)
            os.close(descriptor)


def _locks(folder: Path) -> Iterator[tuple[str, Path]]:
    for lock in folder.glob("worker_*.lock"):
        yield lock.stem.rpartition("_")[2], lock


def _open(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _locked(descriptor: int) -> bool:
    """Take the lock, which the kernel gives back when the process ends."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _is_free(lock: Path) -> bool:
    descriptor = _open(lock)
    try:
        return _locked(descriptor)
    finally:
        os.close(descriptor)


def _drop_gauges(folder: Path, number: str) -> None:
    for file in folder.glob(f"gauge_*_{number}.db"):
        file.unlink(missing_ok=True)
