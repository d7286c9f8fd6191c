"""The API keys that open this router. A changed file is noticed within a second, without a restart."""

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
LOOK_AGAIN = 1.0
_NOBODY = "0" * 64

Signature = tuple[int, int, int] | None


class Keyring:
    """Raises LoadError, one line, where the file cannot be used at the start. Where it cannot be used later, no key
    opens until it is mended: keys that were revoked must not live on in memory."""

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._version = 0
        self._is_broken = False
        self._seen = _signature(path)
        self._keys = self._read()
        self._look_again = clock() + LOOK_AGAIN

    def recognises(self, credential: str) -> bool:
        return credential.startswith(PREFIX)

    def version(self) -> int:
        """Another number when the keys have changed."""
        if self._clock() >= self._look_again:
            self._look_again = self._clock() + LOOK_AGAIN
            self._look()
        return self._version

    async def prepare(self, credential: str) -> None:
        """Nothing is to be fetched."""

    def check(self, credential: str) -> Principal:
        """Whose key it is. A key that there is not takes as long as one whose secret is wrong.

        Raises:
            Unauthenticated: nobody's, or it has expired.
            Unavailable: the file cannot be used.
        """
        self.version()
        if self._is_broken:
            raise Unavailable("Keys cannot be checked now.")
        key = self._keys.get(credential[len(PREFIX) : len(PREFIX) + ID_LENGTH])
        expected = key.sha256 if key is not None else _NOBODY
        is_right = hmac.compare_digest(sha256(credential.encode()).hexdigest(), expected)
        if key is None or not is_right:
            raise Unauthenticated
        if key.has_expired(self._now()):
            raise Expired
        return _principal(key)

    def _look(self) -> None:
        seen = _signature(self._path)
        if seen == self._seen and not self._is_broken:
            return
        self._seen = seen
        try:
            self._keys = self._read()
        except LoadError as exc:
            self._broke(exc)
            return
        level = logging.WARNING if self._is_broken else logging.INFO
        logger.log(level, "the keys of %s were read again, there are %d", self._path, len(self._keys))
        self._version += 1
        self._is_broken = False

    def _broke(self, exc: LoadError) -> None:
        if not self._is_broken:
            logger.error("no API key is accepted: %s", exc)
            self._version += 1
        self._is_broken = True

    def _read(self) -> dict[str, Key]:
        try:
            return {key.id: key for key in key_file.read(self._path).keys}
        except LoadError as exc:
            raise LoadError(f"MCP_AUTH_KEYS: {exc}") from exc


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _principal(key: Key) -> Principal:
    name = f"key:{key.name}"
    until = key.expires.timestamp() if key.expires is not None else math.inf
    return Principal(name, key.scopes, user(name, key.name, None, key.scopes), until)
