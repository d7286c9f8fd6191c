"""The public keys of an issuer, kept for an hour, and asked for anew when a token names one that is not among them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError
from pydantic import BaseModel, Field, ValidationError

from gateway.auth.issuer_client import Away, fetch
from gateway.errors import Unauthenticated, Unavailable

logger = logging.getLogger(__name__)
FRESH = 3600.0
"""Seconds after which the keys are asked for again."""
KEPT = 24 * 3600.0
"""Seconds for which they serve while the issuer is away."""
PAUSE = 10.0
PAUSE_WHILE_AWAY = 5.0
MOST_KEYS = 100
SMALLEST_RSA = 2048

FITTING: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC P-256": frozenset({"ES256"}),
    "EC P-384": frozenset({"ES384"}),
    "EC P-521": frozenset({"ES512"}),
    "OKP Ed25519": frozenset({"EdDSA"}),
    "OKP Ed448": frozenset({"EdDSA"}),
}
"""What a key of each kind may sign with. All are asymmetric: what verifies cannot sign."""

_Number = Annotated[str, Field(max_length=2048)]


class _JWK(BaseModel):
    """Of a key only what is public and what is needed (RFC 7517)."""

    kty: str
    kid: str | None = None
    use: str = "sig"
    alg: str | None = None
    key_ops: tuple[str, ...] = ("verify",)
    crv: str | None = None
    n: _Number | None = None
    e: _Number | None = None
    x: _Number | None = None
    y: _Number | None = None

    def algorithms(self) -> frozenset[str]:
        kind = f"{self.kty} {self.crv}" if self.crv is not None else self.kty
        fitting = FITTING.get(kind, frozenset())
        return fitting if self.alg is None else fitting & {self.alg}


@dataclass(frozen=True, slots=True)
class PublicKey:
    kid: str | None
    algorithms: frozenset[str]
    key: Any


class KeySet:
    """Asks the issuer at first use, one request at a time, at most every ten seconds whatever tokens come."""

    def __init__(
        self,
        issuer: str,
        ask: Callable[[str], Awaitable[Sequence[Any]]] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = 0
        self._issuer = issuer
        self._ask = ask
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._fetched = float("-inf")
        self._ask_again = float("-inf")
        self._is_away = False
        self._lock = anyio.Lock()

    async def prepare(self, kid: str | None) -> None:
        """Ask for the keys where this one is not known, or all are old. Whoever knows theirs does not wait for it."""
        if self._is_due(kid) or (self._lock.locked() and not self._has(kid)):
            async with self._lock:
                if self._is_due(kid):
                    await self._refresh()

    def key(self, kid: str | None, algorithm: str) -> Any:
        """The key of a token; a token that names none has the only one that fits.

        Raises:
            Unauthenticated: there is none.
            Unavailable: nor can the issuer be asked now.
        """
        if self._age() < KEPT:
            fitting = [one.key for one in self._keys if algorithm in one.algorithms and kid in (None, one.kid)]
            if len(fitting) == 1 or (fitting and kid is not None):
                return fitting[0]
        if self._is_away or self._age() >= KEPT:
            raise Unavailable("Tokens cannot be checked now.")
        raise Unauthenticated

    def _is_due(self, kid: str | None) -> bool:
        return self._clock() >= self._ask_again and (self._age() >= FRESH or not self._has(kid))

    def _has(self, kid: str | None) -> bool:
        return self._age() < KEPT and any(kid in (None, one.kid) for one in self._keys)

    def _age(self) -> float:
        return self._clock() - self._fetched

    async def _refresh(self) -> None:
        self._ask_again = self._clock() + PAUSE  # before: who leaves in the middle has asked all the same
        try:
            self._keys = _usable(await self._ask(self._issuer))
        except Away as exc:
            self._ask_again = self._clock() + PAUSE_WHILE_AWAY
            if not self._is_away:
                logger.error("the keys of the issuer %s cannot be had: %s", self._issuer, exc)
            self._is_away = True
            return
        self._fetched = self._clock()
        self._is_away = False
        self.version += 1
        logger.info("the issuer %s has %d keys that can be used", self._issuer, len(self._keys))


def _usable(found: Sequence[Any]) -> list[PublicKey]:
    if len(found) > MOST_KEYS:
        raise Away(f"there are {len(found)} keys, more than {MOST_KEYS}")
    keys = [key for one in found if (key := _public(one)) is not None]
    if not keys:
        raise Away(f"none of its {len(found)} keys can be used")
    return keys


def _public(found: Any) -> PublicKey | None:
    """None where it is for something else, or too weak, or no key at all."""
    try:
        jwk = _JWK.model_validate(found)
        algorithms = jwk.algorithms()
        if not algorithms or jwk.use != "sig" or "verify" not in jwk.key_ops:
            return None
        public = jwk.model_dump(include={"kty", "crv", "n", "e", "x", "y"}, exclude_none=True)
        key = PyJWK(public, min(algorithms)).key
    except (ValidationError, PyJWTError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA:
        return None
    return PublicKey(jwk.kid, algorithms, key)
