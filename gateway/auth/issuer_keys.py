"""The public keys of an issuer: cached for an hour, and fetched again when a token names an unknown key."""

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

from gateway.auth.issuer_client import IssuerUnavailable, fetch
from gateway.errors import Unauthenticated, Unavailable

logger = logging.getLogger(__name__)
REFRESH_INTERVAL = 3600.0
"""Seconds after which the keys are fetched again."""
MAX_KEY_AGE = 24 * 3600.0
"""Seconds for which the keys are used while the issuer is unavailable."""
MIN_FETCH_INTERVAL = 10.0
RETRY_INTERVAL = 5.0
"""Seconds to the next try after a fetch has failed."""
MAX_KEYS = 100
MIN_RSA_BITS = 2048

ALGORITHMS_BY_KEY_TYPE: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC P-256": frozenset({"ES256"}),
    "EC P-384": frozenset({"ES384"}),
    "EC P-521": frozenset({"ES512"}),
    "OKP Ed25519": frozenset({"EdDSA"}),
    "OKP Ed448": frozenset({"EdDSA"}),
}
"""Asymmetric algorithms only: a key that verifies must not be able to sign."""

_Number = Annotated[str, Field(max_length=2048)]


class _JWK(BaseModel):
    """The public fields of a key (RFC 7517) that are needed to verify a signature."""

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
        key_type = f"{self.kty} {self.crv}" if self.crv is not None else self.kty
        possible = ALGORITHMS_BY_KEY_TYPE.get(key_type, frozenset())
        return possible if self.alg is None else possible & {self.alg}


@dataclass(frozen=True, slots=True)
class PublicKey:
    kid: str | None
    algorithms: frozenset[str]
    key: Any


class KeySet:
    """Fetches the keys at first use, with one request at a time, and at most one in ten seconds."""

    def __init__(
        self,
        issuer: str,
        fetch_keys: Callable[[str], Awaitable[Sequence[Any]]] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = 0
        self._issuer = issuer
        self._fetch_keys = fetch_keys
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._fetched_at = float("-inf")
        self._next_fetch = float("-inf")
        self._is_unavailable = False
        self._lock = anyio.Lock()

    async def prepare(self, kid: str | None) -> None:
        """Fetches the keys if `kid` is unknown or the keys are old. A token with a known key does not wait."""
        if self._is_due(kid) or (self._lock.locked() and not self._has(kid)):
            async with self._lock:
                if self._is_due(kid):
                    await self._refresh()

    def key(self, kid: str | None, algorithm: str) -> Any:
        """Returns the key of a token. Without a `kid`, the token gets the only key with this algorithm.

        Raises:
            Unauthenticated: the key is unknown.
            Unavailable: the key is unknown and the issuer cannot be asked now.
        """
        if self._age() < MAX_KEY_AGE:
            matching = [one.key for one in self._keys if algorithm in one.algorithms and kid in (None, one.kid)]
            if len(matching) == 1 or (matching and kid is not None):
                return matching[0]
        if self._is_unavailable or self._age() >= MAX_KEY_AGE:
            raise Unavailable("Tokens cannot be checked now.")
        raise Unauthenticated

    def _is_due(self, kid: str | None) -> bool:
        return self._clock() >= self._next_fetch and (self._age() >= REFRESH_INTERVAL or not self._has(kid))

    def _has(self, kid: str | None) -> bool:
        return self._age() < MAX_KEY_AGE and any(kid in (None, one.kid) for one in self._keys)

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    async def _refresh(self) -> None:
        # Set before the request: clients that disconnect during it must not be able to cause more.
        self._next_fetch = self._clock() + MIN_FETCH_INTERVAL
        try:
            self._keys = _usable(await self._fetch_keys(self._issuer))
        except IssuerUnavailable as exc:
            self._next_fetch = self._clock() + RETRY_INTERVAL
            if not self._is_unavailable:
                logger.error("cannot fetch the keys of issuer %s: %s", self._issuer, exc)
            self._is_unavailable = True
            return
        self._fetched_at = self._clock()
        self._is_unavailable = False
        self.version += 1
        logger.info("fetched %d usable keys of issuer %s", len(self._keys), self._issuer)


def _usable(found: Sequence[Any]) -> list[PublicKey]:
    if len(found) > MAX_KEYS:
        raise IssuerUnavailable(f"its JWKS has {len(found)} keys, more than {MAX_KEYS}")
    keys = [key for one in found if (key := _public_key(one)) is not None]
    if not keys:
        raise IssuerUnavailable(f"none of its {len(found)} keys is usable")
    return keys


def _public_key(found: Any) -> PublicKey | None:
    """Returns None if the key is malformed, too weak, or for another use than signatures."""
    try:
        jwk = _JWK.model_validate(found)
        algorithms = jwk.algorithms()
        if not algorithms or jwk.use != "sig" or "verify" not in jwk.key_ops:
            return None
        public = jwk.model_dump(include={"kty", "crv", "n", "e", "x", "y"}, exclude_none=True)
        key = PyJWK(public, min(algorithms)).key
    except (ValidationError, PyJWTError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        return None
    return PublicKey(jwk.kid, algorithms, key)
