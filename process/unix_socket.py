"""A listening Unix socket: its file, its permissions, and the file that a dead process left behind."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # only POSIX has it
    fcntl = None  # type: ignore[assignment]

BACKLOG = 2048


@contextmanager
def listen_on_file(path: str, mode: int) -> Iterator[socket.socket]:
    """Provides a listening socket whose file has the permissions `mode`, and removes the file at the end.

    The file that a dead process left behind is replaced.

    Raises:
        OSError: with a message that names the setting and the reason.
    """
    try:
        if fcntl is None:
            raise OSError("this system has no such sockets")
        listener = _bind(path, mode)
        made = _identity(path)
    except OSError as exc:
        reason = exc.strerror.lower() if exc.strerror else str(exc)
        raise OSError(f"UDS={path!r}: cannot listen, {reason}; set another UDS") from exc
    try:
        yield listener
    finally:
        listener.close()
        with suppress(OSError):
            if _identity(path) == made:  # a successor may have replaced the file already
                os.unlink(path)


def _identity(path: str) -> tuple[int, int, int]:
    """Tells files of one path apart. The number of a removed one may be used again, so it is not enough."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _bind(path: str, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _locked(os.path.dirname(path) or "."):
            _remove_dead(path)
            before = os.umask(0o777 & ~mode)  # no chmod afterwards: others could connect before it
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Locks the folder, so that of two processes that start together only one replaces a dead socket."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_dead(path: str) -> None:
    """Removes the file of a socket that nobody listens on. Raises OSError for any other file."""
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise OSError("the file exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a living process may have a full queue
        with suppress(BlockingIOError):
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
                return
    raise OSError("another process listens on it")
