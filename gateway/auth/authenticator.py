"""Who has this credential? Keys and tokens alike; those that were good a moment ago are not proved again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

from gateway.auth.audience import Within
from gateway.auth.failures import Failures
from gateway.auth.principal import Principal
from gateway.auth.scopes import Scopes
from gateway.caller import Caller, Grants
from gateway.errors import Expired, Unauthenticated

LONGEST = 16 * 1024
KNOWN = 4096


class Verifier(Protocol):
    """Knows one kind of credential."""

    def recognises(self, credential: str) -> bool: ...

    def version(self) -> int:
        """Another number when what was good may be so no longer."""
        ...

    async def prepare(self, credential: str) -> None:
        """Fetch what is needed to check it. Raises as `check` does."""
        ...

    def check(self, credential: str) -> Principal:
        """Raises Unauthenticated or Unavailable."""
        ...


@dataclass(slots=True)
class _Known:
    """A credential that was good, as long as nothing changes, and whose it was when it came last."""

    caller: Caller
    until: float
    verifier: Verifier
    version: int

    def at(self, address: str) -> Caller:
        """The caller, who mostly comes from where they came from before."""
        if self.caller.address != address:
            self.caller = replace(self.caller, address=address)
        return self.caller


class Authenticator:
    """Keeps the `KNOWN` credentials used last, by their hashes."""

    def __init__(
        self,
        verifiers: Sequence[Verifier],
        failures: Failures,
        destructive: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._verifiers = verifiers
        self._failures = failures
        self._destructive = destructive
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._nothing = Scopes(())

    def stranger(self, address: str) -> Caller:
        """Somebody without a credential: there is nothing that they may call."""
        return Caller(None, address, self._nothing)

    def known(self, credential: str, address: str) -> Caller | None:
        """The caller, where the credential was good a moment ago."""
        if len(credential) > LONGEST:
            return None
        digest = _digest(credential)
        found = self._known.get(digest)
        if found is None or found.until <= self._now() or found.verifier.version() != found.version:
            return None
        self._known.move_to_end(digest)
        return found.at(address)

    async def authenticate(self, credential: str, address: str) -> Caller:
        """Who is asking.

        Raises:
            Unauthenticated: nobody that is known; `Expired` where it is over.
            TooManyFailures: credentials of this address were wrong too often, and this one was never good.
            Unavailable: what is needed to tell is not there.
        """
        caller = self.known(credential, address)
        if caller is not None:
            return caller
        digest = _digest(credential)
        try:
            found = await self._proved(credential, address, digest in self._known)
        except Unauthenticated as exc:
            self._known.pop(digest, None)
            if not isinstance(exc, Expired):  # one that was somebody's is no guess
                self._failures.add(address)
            raise
        self._known[digest] = found
        self._known.move_to_end(digest)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return found.at(address)

    async def _proved(self, credential: str, address: str, was_good: bool) -> _Known:
        """What was good once is looked at whatever others at its address do."""
        if not was_good:
            self._failures.refuse(address)
        verifier = next((one for one in self._verifiers if one.recognises(credential)), None)
        if verifier is None or len(credential) > LONGEST or not credential.isascii():
            raise Unauthenticated
        await verifier.prepare(credential)
        if not was_good:  # again: many may have waited at once
            self._failures.refuse(address)
        version = verifier.version()
        who = verifier.check(credential)
        return _Known(Caller(who.name, address, self._grants(who), who.user), who.until, verifier, version)

    def _grants(self, who: Principal) -> Grants:
        scopes = Scopes(who.scopes, self._destructive)
        return scopes if who.servers is None else Within(who.servers, scopes)


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode("utf-8", "surrogatepass"), digest_size=32).digest()
