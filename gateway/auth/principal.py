"""Who has proved to be whom, and how that is made known to what asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from gateway.caller import Caller, caller


@dataclass(frozen=True, slots=True)
class Principal:
    """`until` is when it is to be proved again, in seconds since 1970. `servers` are those that the credential was made
    for; None is all."""

    name: str
    scopes: tuple[str, ...]
    user: AuthenticatedUser
    until: float
    servers: frozenset[str] | None = None


def user(client: str, subject: str, issuer: str | None, scopes: Iterable[str]) -> AuthenticatedUser:
    """A principal as the SDK tells them apart: by client, issuer and subject. Without the token, which stays here."""
    claims = {"iss": issuer} if issuer is not None else None
    return AuthenticatedUser(AccessToken(token="", client_id=client, scopes=[*scopes], subject=subject, claims=claims))


def enter(who: Caller) -> None:
    """From here on `who` is asking, in this task and those that it starts; the SDK knows it too."""
    caller.set(who)
    auth_context_var.set(who.user)
