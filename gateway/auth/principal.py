"""The authenticated caller, and how it is attached to the current request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from gateway.caller import Caller, caller


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a valid credential.

    `name` is for the log; `identity` says to whom counts, results and sessions belong. `until` is when the credential
    needs a new check, in seconds since 1970. `servers` are the servers that it was issued for; None means all. `pins`
    are the versions of tools for calls that ask for none.
    """

    name: str
    identity: str
    scopes: tuple[str, ...]
    user: AuthenticatedUser
    until: float
    servers: frozenset[str] | None = None
    pins: tuple[str, ...] = ()


def user(client: str, subject: str, issuer: str | None, scopes: Iterable[str]) -> AuthenticatedUser:
    """Returns a principal in the SDK's form, which identifies it by client, issuer and subject."""
    claims = {"iss": issuer} if issuer is not None else None
    # The token itself is left out: tools can read this object and must not see the credential.
    return AuthenticatedUser(AccessToken(token="", client_id=client, scopes=[*scopes], subject=subject, claims=claims))


def set_caller(who: Caller) -> None:
    """Sets the caller of the current task and of the tasks that it starts, for the gateway and for the SDK."""
    caller.set(who)
    auth_context_var.set(who.user)
