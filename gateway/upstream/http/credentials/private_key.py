"""Proves who the router is by an assertion that it signs with its private key (RFC 7523)."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.upstream.http.credentials.file import MAX_FILE
from gateway.upstream.http.credentials.token import NoToken

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 60
"""Seconds for which an assertion is valid: it is sent at once, and once."""

MIN_RSA_BITS = 2048
_OF_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class PrivateKey:
    """The key in the file at `path`, which is read each time: mounted keys are replaced.

    The assertion is for `issuer`; if that is empty, for the token endpoint.
    """

    def __init__(self, client_id: str, path: str, *, key_id: str, algorithm: str, issuer: str) -> None:
        self._id = client_id
        self._path = os.path.expanduser(path)
        self._head = {"kid": key_id} if key_id else None
        self._algorithm = algorithm
        self._issuer = issuer

    def head(self) -> bytes:
        return b""

    def form(self, endpoint: str) -> dict[str, str]:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self._id, "sub": self._id, "aud": self._issuer or endpoint, "jti": uuid4().hex}
        claims |= {"iat": now, "exp": now + LIFETIME}
        key = _key_in(self._path)
        fitting = _algorithms_of(key)
        algorithm = self._algorithm or fitting[0]
        if algorithm not in fitting:
            raise NoToken(f"privateKeyFile: the key signs with {' or '.join(fitting)} alone")
        signed = jwt.encode(claims, key, algorithm, headers=self._head)
        return {"client_id": self._id, "client_assertion_type": ASSERTION, "client_assertion": signed}


def _key_in(path: str) -> Any:
    """Returns the private key of a file. Raises NoToken, without anything of it."""
    try:
        with open(path, "rb") as file:
            key = load_pem_private_key(file.read(MAX_FILE), None)
    except OSError as exc:
        raise NoToken(f"privateKeyFile: {exc.strerror}") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise NoToken("privateKeyFile: expected a private key in PEM without a password") from exc
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise NoToken(f"privateKeyFile: the key is shorter than {MIN_RSA_BITS} bits")
    return key


def _algorithms_of(key: Any) -> Sequence[str]:
    """Returns those that a key signs with, and first the one that is usual. Raises NoToken if there is none."""
    if isinstance(key, RSAPrivateKey):
        return "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _OF_CURVES:
        return (_OF_CURVES[key.curve.name],)
    if isinstance(key, Ed25519PrivateKey | Ed448PrivateKey):
        return ("EdDSA",)
    raise NoToken("privateKeyFile: a key of this type signs no assertions")
