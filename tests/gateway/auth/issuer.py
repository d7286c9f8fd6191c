"""An authorization server on loopback, with metadata, keys and tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.examples.serving import served

AUDIENCE = "https://tools.example.com"
JSON = "application/json"


@lru_cache(maxsize=1)
def private_keys() -> Mapping[str, tuple[Any, str]]:
    """Returns a key of each type with the algorithm that it signs with, by key id. Making them takes a second."""
    return {
        "rsa": (rsa.generate_private_key(65537, 2048), "RS256"),
        "pss": (rsa.generate_private_key(65537, 2048), "PS384"),
        "p256": (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "p384": (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        "p521": (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        "ed25519": (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        "ed448": (ed448.Ed448PrivateKey.generate(), "EdDSA"),
    }


def jwk(kid: str | None, key: Any, algorithm: str, **more: Any) -> dict[str, Any]:
    """Returns the public half of a key."""
    found: dict[str, Any] = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in found.items() if name != "key_ops"} | {"kid": kid} | more


class Issuer:
    """`answers` are its responses by path, which tests may change; `asked` are the paths that were requested."""

    def __init__(self, path: str = "") -> None:
        self.keys = {**private_keys()}
        self.path = path
        self.url = ""
        self.asked: list[str] = []
        self.answers: dict[str, Response] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    def is_at(self, origin: str) -> None:
        """Sets the origin and publishes the metadata and all keys there."""
        self.url = f"{origin}{self.path}"
        self.asked.clear()
        self.publish(f"/.well-known/oauth-authorization-server{self.path}", self.metadata())
        self.publish("/jwks", {"keys": [jwk(kid, key, algorithm) for kid, (key, algorithm) in self.keys.items()]})

    def metadata(self, **more: Any) -> dict[str, Any]:
        origin = self.url.removesuffix(self.path)
        return {"issuer": self.url, "jwks_uri": f"{origin}/jwks"} | more

    def publish(self, path: str, document: Any) -> None:
        self.answers[path] = Response(json.dumps(document), media_type=JSON)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Returns the claims of a valid token with changes; None removes a claim."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": now + 60, "scope": "one:*"} | changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "rsa", header: dict[str, Any] | None = None, **changed: Any) -> str:
        key, algorithm = self.keys[kid]
        return jwt.encode(self.claims(**changed), key, algorithm, {"kid": kid} | (header or {}))

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return self.answers.get(request.url.path, Response(status_code=404))


@contextmanager
def serving_issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with served(issuer.app) as origin:
        issuer.is_at(origin)
        yield issuer
