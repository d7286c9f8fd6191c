"""Logins of browsers, which can send no key with an event stream: an opaque id stands for the credential."""

from __future__ import annotations

import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

LIFETIME = 12 * 3600
"""Seconds until a login ends."""

MAX_LOGINS = 1000
"""Logins of a deployment. A further one ends the oldest."""


class Codec(Protocol):
    """Seals with a key that it was made of."""

    def seal(self, payload: bytes) -> str: ...

    def unseal(self, token: str) -> bytes: ...


class Store(Protocol):
    """Sealed credentials by name, which are forgotten after `LIFETIME`. Bounded by `MAX_LOGINS`."""

    async def put(self, name: str, sealed: str) -> None: ...

    async def get(self, name: str) -> str | None: ...

    async def drop(self, name: str) -> None: ...


class MemoryStore:
    """Those of one process."""

    def __init__(self, most: int = MAX_LOGINS) -> None:
        self._logins: OrderedDict[str, str] = OrderedDict()
        self._most = most

    async def put(self, name: str, sealed: str) -> None:
        self._logins[name] = sealed
        if len(self._logins) > self._most:
            self._logins.popitem(last=False)

    async def get(self, name: str) -> str | None:
        return self._logins.get(name)

    async def drop(self, name: str) -> None:
        self._logins.pop(name, None)


class Logins:
    """The credential is sealed with the id, which only the browser has: a store alone gives nothing away.

    `codec` makes a codec of a key. `broken` is what it raises for a text that it has not sealed.
    """

    def __init__(
        self,
        store: Store,
        codec: Callable[[str], Codec],
        broken: type[Exception],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._codec = codec
        self._broken = broken
        self._now = now

    async def begin(self, credential: str) -> str:
        """Returns the id of a new login."""
        new = secrets.token_urlsafe(32)
        sealed = self._codec(new).seal(json.dumps([credential, self._now() + LIFETIME]).encode())
        await self._store.put(_name(new), sealed)
        return new

    async def credential(self, login: str) -> str | None:
        """Returns the credential of a login; None if it has ended or never began."""
        if len(login) > 64 or (sealed := await self._store.get(_name(login))) is None:
            return None
        try:
            credential, until = json.loads(self._codec(login).unseal(sealed))
        except (self._broken, ValueError):
            return None
        if self._now() < until:
            return str(credential)
        await self.end(login)
        return None

    async def end(self, login: str) -> None:
        await self._store.drop(_name(login))


def _name(login: str) -> str:
    return sha256(login.encode()).hexdigest()
