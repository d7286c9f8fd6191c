"""Access tokens of an OAuth 2.1 authorization server: JWTs, verified with its public keys (RFC 9068, RFC 8725)."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from pydantic import BaseModel, ValidationError

from gateway.auth.issuer_keys import ALGORITHMS_BY_KEY_TYPE, KeySet
from gateway.auth.principal import Principal, user
from gateway.auth.token_kinds import check_kind
from gateway.errors import Expired, Unauthenticated

CLOCK_LEEWAY = 10
"""Seconds by which the issuer's clock may differ."""
RECHECK_INTERVAL = 60.0
"""Seconds for which a verified token needs no new check."""
SUPPORTED_ALGORITHMS = frozenset[str]().union(*ALGORITHMS_BY_KEY_TYPE.values())
REQUIRED_CLAIMS = ["exp", "iss", "aud", "sub"]
DATE_CLAIMS = ("exp", "nbf", "iat")
MAX_SUBJECT_LENGTH = 255
_TOKEN = re.compile(r"[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){2}")


class _Header(BaseModel):
    """The header fields that are read. Fields that name a key elsewhere (`jku`, `x5u`, `jwk`) are ignored."""

    alg: str
    kid: str | None = None
    typ: str | None = None


class AccessTokens:
    """Verifies tokens whose audience is `audience`, or a resource under it.

    A token for `{audience}/math/mcp` is valid on the server `math` only.
    """

    def __init__(self, issuer: str, audience: str, keys: KeySet, now: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self._audience = audience
        self._resource = re.compile(re.escape(audience.rstrip("/")) + r"(?:/([^/]+))?/mcp/?")
        self._keys = keys
        self._now = now

    def recognises(self, credential: str) -> bool:
        return _TOKEN.fullmatch(credential) is not None

    def version(self) -> int:
        return self._keys.version

    async def prepare(self, credential: str) -> None:
        """Fetches the key that the token names. A token that is refused anyway causes no request."""
        await self._keys.prepare(_header(credential).kid)

    def check(self, credential: str) -> Principal:
        """Returns the principal of a valid token.

        Raises:
            Unauthenticated: the token is invalid, has expired, or is not a bearer access token.
            Unavailable: the issuer's keys are not available.
        """
        header = _header(credential)
        key = self._keys.key(header.kid, header.alg)
        try:
            claims = self._claims(credential, header.alg, key)
        except jwt.ExpiredSignatureError as exc:
            raise Expired from exc
        except (jwt.PyJWTError, ValueError) as exc:
            raise Unauthenticated from exc
        check_kind(header.typ, claims)
        return self._principal(claims)

    def _claims(self, token: str, algorithm: str, key: Any) -> Mapping[str, Any]:
        signed, _, signature = token.rpartition(".")
        # The signature comes first: parsing a long forged token would cost more than a call.
        if not jwt.get_algorithm_by_name(algorithm).verify(signed.encode(), key, _decoded(signature)):
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            leeway=CLOCK_LEEWAY,
            # `_servers` checks the audience, which may be a resource under ours.
            options={"require": REQUIRED_CLAIMS, "verify_aud": False, "enforce_minimum_key_length": True},
        )
        # The library takes a number in a string too, which RFC 7519 does not allow.
        if any(type(claims[name]) not in (int, float) for name in DATE_CLAIMS if name in claims):
            raise Unauthenticated
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject = claims["sub"]
        # All tokens with an empty subject would be one principal. The subject becomes part of log lines.
        if not subject.strip() or len(subject) > MAX_SUBJECT_LENGTH or not subject.isprintable():
            raise Unauthenticated
        servers = self._servers(claims["aud"])
        client = next((claims[name] for name in ("client_id", "azp") if isinstance(claims.get(name), str)), subject)
        scopes = _scopes(claims)
        until = min(int(claims["exp"]) + CLOCK_LEEWAY, self._now() + RECHECK_INTERVAL)
        sdk_user = user(client, subject, self._issuer, scopes)
        name = f"{self._issuer}#{subject}"
        return Principal(name, name, scopes, sdk_user, until, servers)

    def _servers(self, audience: Any) -> frozenset[str] | None:
        """Returns the servers that the token is for; None means all."""
        audiences = [audience] if isinstance(audience, str) else audience
        if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
            raise Unauthenticated
        found = [match for one in audiences if (match := self._resource.fullmatch(one))]
        if self._audience in audiences or any(match[1] is None for match in found):
            return None
        if not found:
            raise Unauthenticated
        return frozenset(match[1] for match in found)


def _header(token: str) -> _Header:
    """Raises Unauthenticated if the header is missing, malformed, or names an unsupported algorithm."""
    try:
        header = _Header.model_validate_json(_decoded(token.partition(".")[0]))
    except (ValueError, ValidationError) as exc:
        raise Unauthenticated from exc
    if header.alg not in SUPPORTED_ALGORITHMS:
        raise Unauthenticated
    return header


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Reads `scope` (RFC 9068), or `scp`, which some issuers use; either a string or a list."""
    found = claims.get("scope") or claims.get("scp") or ""
    scopes = found.split() if isinstance(found, str) else found
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Unauthenticated
    return tuple(scopes)
