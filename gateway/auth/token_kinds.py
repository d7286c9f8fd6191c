"""Tells access tokens from the other tokens that an authorization server signs with the same key.

ID, logout and refresh tokens may have our audience too. RFC 9068 wants `typ: at+jwt` in the header of an access token,
but Keycloak, Auth0 and Entra send `JWT` by default, and Okta and Cognito none, so the claims are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import Unauthenticated

TYPED = frozenset({"at+jwt", "application/at+jwt"})
"""Header types of an access token alone."""
UNTYPED = frozenset({"", "jwt", "application/jwt"})
"""Header types of any token."""
KIND_CLAIMS = ("typ", "token_use", "token_type", "tokenName")
"""Claims in which Keycloak, Cognito, and ForgeRock's server name the kind of a token."""
ACCESS = frozenset({"bearer", "access", "access_token", "at+jwt"})
FOREIGN_CLAIMS = ("at_hash", "c_hash", "s_hash", "events")
"""Claims of ID tokens (OpenID Connect Core) and of logout and security event tokens (RFC 8417)."""


def check_kind(header_type: str | None, claims: Mapping[str, Any]) -> None:
    """Raises Unauthenticated for every token but a bearer access token. The message says why."""
    # RFC 9449, 7.2: a token that is bound to its sender must not be accepted as one that anybody may send.
    if "cnf" in claims:
        raise Unauthenticated("The token is bound to its sender (cnf), which is not supported.")
    kind = (header_type or "").lower()
    named = [str(claims[name]).lower() for name in KIND_CLAIMS if name in claims]
    is_typed = kind in TYPED or bool(named)
    if kind not in TYPED | UNTYPED or not ACCESS.issuperset(named):
        raise Unauthenticated("The token is not an access token.")
    # Before version 25 Keycloak copied the `nonce` into access tokens, which `typ: Bearer` tells from ID tokens.
    if any(name in claims for name in FOREIGN_CLAIMS) or ("nonce" in claims and not is_typed):
        raise Unauthenticated("The token is not an access token.")
