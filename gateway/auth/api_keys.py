"""Verifies API keys against the key file, and notices within a second, without a restart, when the file changes."""

from __future__ import annotations

import hmac
import logging
import math
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from gateway.auth import api_key_file as key_file
from gateway.auth.api_key_file import ID_LENGTH, PREFIX, Key
from gateway.auth.principal import Principal, user
from gateway.errors import Expired, LoadError, Unauthenticated, Unavailable

logger = logging.getLogger(__name__)
FILE_CHECK_INTERVAL = 1.0
"""Seconds between two looks at the file."""
_UNKNOWN_KEY_HASH = "0" * 64

FileSignature = tuple[int, int, int, int] | None


class Keyring:
    """The keys of a file.

    If the file breaks while the router runs, or others than its owner may write it, every key is refused until the file
    is fixed.

    Raises:
        LoadError: the file cannot be used at the start; one line.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._version = 0
        self._is_broken = False
        self._signature = _signature(path)
        self._keys = self._read()
        self._next_check = clock() + FILE_CHECK_INTERVAL

    def recognises(self, credential: str) -> bool:
        return credential.startswith(PREFIX)

    def version(self) -> int:
        """Returns another number after the keys have changed."""
        if self._clock() >= self._next_check:
            self._next_check = self._clock() + FILE_CHECK_INTERVAL
            self._reload_if_changed()
        return self._version

    async def prepare(self, credential: str) -> None:
        """Does nothing: the file is read by `version`."""

    def check(self, credential: str) -> Principal:
        """Returns the principal of a valid key.

        Raises:
            Unauthenticated: the key is unknown, or has expired.
            Unavailable: the file cannot be used.
        """
        self.version()
        if self._is_broken:
            raise Unavailable("Keys cannot be checked now.")
        key = self._keys.get(credential[len(PREFIX) : len(PREFIX) + ID_LENGTH])
        # An unknown id is compared too, so that it takes as long as a wrong secret.
        expected = key.sha256 if key is not None else _UNKNOWN_KEY_HASH
        matches = hmac.compare_digest(sha256(credential.encode()).hexdigest(), expected)
        if key is None or not matches:
            raise Unauthenticated
        if key.has_expired(self._now()):
            raise Expired
        return _principal(key)

    def _reload_if_changed(self) -> None:
        signature = _signature(self._path)
        if signature == self._signature and not self._is_broken:
            return
        self._signature = signature
        try:
            self._keys = self._read()
        except LoadError as exc:
            # The keys read before are not used any more: one of them may have been revoked since.
            if not self._is_broken:
                logger.error("no API key is accepted: %s", exc)
                self._version += 1
            self._is_broken = True
            return
        level = logging.WARNING if self._is_broken else logging.INFO
        logger.log(level, "reloaded API keys from %s: %d keys", self._path, len(self._keys))
        self._version += 1
        self._is_broken = False

    def _read(self) -> dict[str, Key]:
        try:
            return {key.id: key for key in key_file.read(self._path).keys}
        except LoadError as exc:
            raise LoadError(f"MCP_AUTH_KEYS: {exc}") from exc


def _signature(path: Path) -> FileSignature:
    try:
        found = path.stat()
    except OSError:
        return None
    # A restored backup may have the size and the mtime of the file before; nobody can set the ctime.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _principal(key: Key) -> Principal:
    name = f"key:{key.name}"
    until = key.expires.timestamp() if key.expires is not None else math.inf
    # By its id: a new key must not inherit the sessions and results of a revoked one that had its name.
    return Principal(name, f"key:{key.id}", key.scopes, user(name, key.id, None, key.scopes), until, pins=key.pins)
