"""Access tokens of an OAuth 2.1 authorization server: JWTs, verified by its public keys (RFC 9068, RFC 8725)."""

from __future__ import annotations

import logging
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
from pydantic import BaseModel, ValidationError

from gateway.auth.issuer_keys import FITTING, KeySet
from gateway.auth.principal import Principal, user
from gateway.errors import Expired, LoadError, Unauthenticated

logger = logging.getLogger(__name__)
LOCAL = ("localhost", "127.0.0.1", "::1")
LEEWAY = 10
"""Seconds by which clocks may differ."""
GOOD_FOR = 60.0
"""Seconds for which a token is not verified again."""
ALGORITHMS = frozenset[str]().union(*FITTING.values())
NEEDED = ["exp", "iss", "aud", "sub"]
_LONGEST_SUBJECT = 255


class _Header(BaseModel):
    """All that is looked at: where else a token says that its key is to be found does not matter."""

    alg: str
    kid: str | None = None


class Tokens:
    """A token must name `audience`, or a resource under it: one for `{audience}/math/mcp` opens only that server."""

    def __init__(self, issuer: str, audience: str, keys: KeySet, now: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self._audience = audience
        self._resource = re.compile(re.escape(audience.rstrip("/")) + r"(?:/([^/]+))?/mcp/?")
        self._keys = keys
        self._now = now

    def recognises(self, credential: str) -> bool:
        return credential.count(".") == 2

    def version(self) -> int:
        return self._keys.version

    async def prepare(self, credential: str) -> None:
        """Have the key that it names. Nothing is asked for a token that would be refused anyway."""
        await self._keys.prepare(_header(credential).kid)

    def check(self, credential: str) -> Principal:
        """Whose token it is.

        Raises:
            Unauthenticated: nobody's, or it has expired.
            Unavailable: the issuer's keys cannot be had.
        """
        header = _header(credential)
        key = self._keys.key(header.kid, header.alg)
        try:
            claims = self._claims(credential, header.alg, key)
        except jwt.ExpiredSignatureError as exc:
            raise Expired from exc
        except (jwt.PyJWTError, ValueError) as exc:
            raise Unauthenticated from exc
        return self._principal(claims)

    def _claims(self, token: str, algorithm: str, key: Any) -> Mapping[str, Any]:
        signed, _, signature = token.rpartition(".")
        # First the signature alone: to take apart a long token that is forged would cost more than a call.
        if not jwt.get_algorithm_by_name(algorithm).verify(signed.encode(), key, _decoded(signature)):
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": NEEDED, "verify_aud": False, "enforce_minimum_key_length": True},
        )
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject = claims["sub"]
        if len(subject) > _LONGEST_SUBJECT or not subject.isprintable():
            raise Unauthenticated
        servers = self._servers(claims["aud"])
        client = next((claims[name] for name in ("client_id", "azp") if isinstance(claims.get(name), str)), subject)
        scopes = _scopes(claims)
        until = min(int(claims["exp"]) + LEEWAY, self._now() + GOOD_FOR)
        sdk_user = user(client, subject, self._issuer, scopes)
        return Principal(f"{self._issuer}#{subject}", scopes, sdk_user, until, servers)

    def _servers(self, audience: Any) -> frozenset[str] | None:
        """The servers that the token is for; None is all."""
        audiences = [audience] if isinstance(audience, str) else audience
        if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
            raise Unauthenticated
        found = [match for one in audiences if (match := self._resource.fullmatch(one))]
        if self._audience in audiences or any(match[1] is None for match in found):
            return None
        if not found:
            raise Unauthenticated
        return frozenset(match[1] for match in found)


def tokens_of(issuer: str, audience: str) -> Tokens:
    """What the settings say, held to be usable.

    Raises:
        LoadError: nobody could tell whose tokens are meant, or whom they are for.
    """
    try:
        parts = urlsplit(issuer)
        is_url = parts.scheme in ("https", "http") and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        is_url = False
    if not is_url:
        raise LoadError(f"MCP_AUTH_ISSUER={issuer!r}: expected a URL that begins with https://")
    if not audience:
        raise LoadError("MCP_AUTH_ISSUER needs MCP_AUTH_AUDIENCE: a token for somebody else must not open this router")
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        logger.warning(
            "MCP_AUTH_ISSUER=%s: whoever is on the way can read and change what it answers; use https", issuer
        )
    return Tokens(issuer, audience, KeySet(issuer))


def _header(token: str) -> _Header:
    """Raises Unauthenticated where it has none, or one that no token of ours has."""
    try:
        header = _Header.model_validate_json(_decoded(token.partition(".")[0]))
    except (ValueError, ValidationError) as exc:
        raise Unauthenticated from exc
    if header.alg not in ALGORITHMS:
        raise Unauthenticated
    return header


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """`scope` (RFC 9068), or `scp`, as some issuers have it; either a text or a list."""
    found = claims.get("scope") or claims.get("scp") or ""
    scopes = found.split() if isinstance(found, str) else found
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Unauthenticated
    return tuple(scopes)
