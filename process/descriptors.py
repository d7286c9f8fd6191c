"""The open files that the process may have, and the log of a process that has them all."""

from __future__ import annotations

import logging
import time

try:
    import resource
except ImportError:  # only POSIX has it
    resource = None  # type: ignore[assignment]

RESERVED = 96
"""Descriptors that are left for files, child processes and upstream connections; at least an eighth of all."""

_FULL = "socket.accept() out of system resource"


def raise_limit() -> int:
    """Raises the number of files that the process may open as far as the system allows, and returns it.

    It is 0 on a system that has no such limit.
    """
    if resource is None:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # some systems name a hard limit that they do not allow
        return soft
    return hard


def connections_within(wanted: int) -> int:
    """Returns how many connections the process may accept, at most `wanted`, so that descriptors are left."""
    if resource is None:
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - max(RESERVED, soft // 8)))


def limit_accept_errors() -> None:
    """Limits asyncio's report that no connection can be accepted to one line a second, without its traceback."""
    asyncio_logger = logging.getLogger("asyncio")
    if not any(isinstance(present, _AcceptErrors) for present in asyncio_logger.filters):
        asyncio_logger.addFilter(_AcceptErrors())


class _AcceptErrors(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith(_FULL):
            return True
        if (now := time.monotonic()) < self._next:
            return False
        self._next = now + 1
        record.msg, record.args = "no connection accepted: the process has too many open files (ulimit -n)", ()
        record.exc_info = record.exc_text = None
        return True
