"""Tools that ask for input, beyond one process: `MCP_STATE_KEYS`, `REDIS_URL`, `WORKERS`."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from features.feature import Feature, Lifetime
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.request_state import StateKeys, new_key
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.call import Relay
    from gateway.redis import RedisClient

logger = logging.getLogger(__name__)
MAX_PLACE = 60
"""Bytes of the path of a folder in which the folder of the sockets may stand; a socket's path has 107 at most."""

_MEMORY = "/dev/shm"  # noqa: S108  # writable in a container whose root is read-only


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The key that all workers of one parent share, and the folder for their sockets, which is empty without one."""

    key: str = field(repr=False)
    folder: str


inherited: ContextVar[Inheritance | None] = ContextVar("inherited", default=None)
"""Set in a worker before it makes its application. Neither its command line nor its environment has the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(Feature):
    states: WaitingStates


@contextmanager
def inheritance() -> Iterator[Inheritance]:
    """Provides what a parent hands to each worker that it starts."""
    try:
        folder = _folder()
    except OSError as exc:
        logger.warning("workers cannot continue calls that wait in other workers: %s", exc.strerror or exc)
        yield Inheritance(new_key(), "")
        return
    with folder as path:  # its permissions are 0700
        yield Inheritance(new_key(), path)


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Raises OSError if there is no place for sockets."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets")
    for place in (tempfile.gettempdir(), _MEMORY, "/tmp"):  # noqa: S108  # each folder is a new one, of mode 0700
        with suppress(OSError):
            if len(os.fsencode(place)) <= MAX_PLACE:
                return tempfile.TemporaryDirectory(prefix="multi-mcp-", dir=place, ignore_cleanup_errors=True)
    raise OSError("there is no writable folder whose path is short enough for a Unix socket")


def asking(settings: Settings, redis: RedisClient | None) -> Asking:
    """Shares the keys of `requestState` with workers and replicas, and makes the ways to calls that wait in them."""
    own = inherited.get()
    if own is None and redis is None:
        return Asking(states=WaitingStates(StateKeys(settings.state_keys)))
    local_key = own.key if own is not None else new_key()
    keys = StateKeys(settings.state_keys or (local_key,))
    relay, lifetimes = _relay(settings, own, redis)
    if redis is not None and not settings.state_keys:
        from gateway.relay.redis_key import RedisKey

        lifetimes.append(RedisKey(redis, local_key, keys.use).opened)
    return Asking(states=WaitingStates(keys, relay), lifetimes=lifetimes)


def _relay(settings: Settings, own: Inheritance | None, redis: RedisClient | None) -> tuple[Relay, list[Lifetime]]:
    from gateway.relay.calls import Calls
    from gateway.relay.ways import Way, Ways

    calls = Calls(secrets.token_hex(8))
    ways: list[Way] = []
    lifetimes: list[Lifetime] = []
    if own is not None and own.folder:
        from gateway.relay.unix_way import UnixWay

        unix = UnixWay(Path(own.folder), calls, _longest_message(settings))
        ways.append(unix)
        lifetimes.append(unix.opened)
    if redis is not None:
        from gateway.relay.redis_way import RedisWay

        shared = RedisWay(redis, calls)
        ways.append(shared)
        lifetimes.append(shared.opened)
    return Ways(calls, ways), lifetimes


def _longest_message(settings: Settings) -> int:
    """Returns the bytes of a request or a result, as text inside of JSON."""
    return 2 * max(settings.max_body, settings.max_result) + 1024 * 1024
