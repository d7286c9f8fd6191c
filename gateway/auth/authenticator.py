"""Verifies credentials, API keys and access tokens alike, and caches those that were valid a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

from gateway.auth.principal import Principal
from gateway.auth.scopes import Scopes
from gateway.caller import Caller, Subject, caller, subject
from gateway.errors import Unauthenticated
from gateway.versions.pinned import Pins

MAX_CREDENTIAL_LENGTH = 16 * 1024
MAX_CACHED_CREDENTIALS = 4096


class Verifier(Protocol):
    """Verifies one kind of credential."""

    def recognises(self, credential: str) -> bool: ...

    def version(self) -> int:
        """Returns another number when a credential that was valid may no longer be."""
        ...

    async def prepare(self, credential: str) -> None:
        """Fetches what `check` needs. Raises as `check` does."""
        ...

    def check(self, credential: str) -> Principal:
        """Raises Unauthenticated or Unavailable."""
        ...


@dataclass(slots=True)
class _CachedCredential:
    """A valid credential: its caller at the address that used it last, and how long it needs no new check."""

    caller: Caller
    until: float
    verifier: Verifier
    version: int

    def caller_here(self) -> Caller:
        """Returns the caller at the address of the current request."""
        address = caller.get().address
        # Clients rarely change their address, so most requests share one object.
        if self.caller.address != address:
            self.caller = replace(self.caller, address=address)
        return self.caller


class Authenticator:
    """Caches the credentials used last by their hashes, so that no secret stays in memory.

    A caller has the address that `caller` holds for the current request. Credentials that the verifier `held` takes
    are put into `subject`.
    """

    def __init__(
        self,
        verifiers: Sequence[Verifier],
        destructive: str = "",
        now: Callable[[], float] = time.time,
        *,
        held: Verifier | None = None,
    ) -> None:
        self._verifiers = verifiers
        self._held = held
        self.holds_tokens = held is not None
        self._destructive = destructive
        self._now = now
        self._cache: OrderedDict[bytes, _CachedCredential] = OrderedDict()
        self._no_scopes = Scopes(())

    def anonymous(self) -> Caller:
        """Returns a caller without a name, who may call nothing."""
        return Caller(None, caller.get().address, self._no_scopes)

    def cached(self, credential: str) -> Caller | None:
        """Returns the caller if the credential was verified a moment ago and nothing has changed since."""
        if len(credential) > MAX_CREDENTIAL_LENGTH:
            return None
        digest = _digest(credential)
        found = self._cache.get(digest)
        if found is None or found.until <= self._now() or found.verifier.version() != found.version:
            return None
        self._cache.move_to_end(digest)
        if self.holds_tokens:
            self._hold(credential, found)
        return found.caller_here()

    async def authenticate(self, credential: str) -> Caller:
        """Returns the caller of a valid credential.

        Raises:
            Unauthenticated: the credential is invalid; `Expired` if it was valid once.
            Unavailable: it cannot be checked now.
        """
        found = self.cached(credential)
        if found is not None:
            return found
        digest = _digest(credential)
        self._cache.pop(digest, None)
        verified = await self._verify(credential)
        self._cache[digest] = verified
        if len(self._cache) > MAX_CACHED_CREDENTIALS:
            self._cache.popitem(last=False)
        if self.holds_tokens:
            self._hold(credential, verified)
        return verified.caller_here()

    def _hold(self, credential: str, found: _CachedCredential) -> None:
        """Keeps an access token for the current request."""
        subject.set(Subject(credential) if found.verifier is self._held else None)

    async def _verify(self, credential: str) -> _CachedCredential:
        verifier = next((one for one in self._verifiers if one.recognises(credential)), None)
        if verifier is None or len(credential) > MAX_CREDENTIAL_LENGTH or not credential.isascii():
            raise Unauthenticated
        await verifier.prepare(credential)
        # Read before the check: a change in between must make the entry stale, not fresh.
        version = verifier.version()
        principal = verifier.check(credential)
        pins = Pins(principal.pins) if principal.pins else None
        grants = Scopes(principal.scopes, self._destructive, principal.servers, pins)
        named = Caller(principal.name, caller.get().address, grants, principal.user, principal.identity)
        return _CachedCredential(named, principal.until, verifier, version)


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode("utf-8", "surrogatepass"), digest_size=32).digest()
