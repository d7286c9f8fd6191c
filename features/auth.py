"""Authentication and authorization: `MCP_AUTH_KEYS`, `MCP_AUTH_ISSUER`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from features.feature import Feature, optional_packages
from gateway.caller import Caller, caller
from gateway.places import Places, part
from gateway.sdk.native import Access
from gateway.telemetry.refusals import Refusals
from routes.pages.pages import Pages
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.auth.authenticator import Authenticator, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Feature):
    """`access` guards native endpoints; `authenticator` and `set_caller` serve WebSockets, whose callers may change."""

    access: Access | None = None
    authenticator: Authenticator | None = None
    set_caller: Callable[[Caller], object] = caller.set


def auth(settings: Settings, refusals: Refusals, pages: Pages, *, holds_tokens: bool = False) -> Auth:
    """Keeps access tokens while their requests run, if it `holds_tokens`. Raises LoadError for keys of no use."""
    if not settings.auth_keys and not settings.auth_issuer:
        return Auth()
    if settings.auth_issuer:
        from gateway.auth.issuer import check_issuer

        check_issuer(settings.auth_issuer, settings.auth_audience)
    with optional_packages("MCP_AUTH_ISSUER" if settings.auth_issuer else "MCP_AUTH_KEYS"):
        from gateway.auth.authenticator import Authenticator
        from gateway.auth.authorization import Authorization
        from gateway.auth.native_access import NativeAccess
        from gateway.auth.principal import set_caller
        from routes.middleware.authenticate import Authenticate
        from routes.middleware.bodies import KIND, Bodies
        from routes.middleware.metadata import Metadata
        from routes.native.challenge import Challenge

        verifiers = _verifiers(settings)
        held = verifiers[-1] if holds_tokens else None  # that of access tokens
        authenticator = Authenticator(verifiers, settings.destructive_scope, held=held)
        metadata = Metadata(settings.public_url, settings.auth_issuer)
        authenticate = Middleware(
            Authenticate,
            authenticator=authenticator,
            metadata=metadata,
            refused=refusals,
            pages=pages.open_to_all,
            open_paths=(settings.metrics,) if settings.metrics_open else (),
        )
        each = max(part(settings.max_body_total, settings.max_share), settings.max_body)
        bodies = Middleware(Bodies, places=Places(settings.max_body_total, each, KIND))
        return Auth(
            interceptors=[Authorization()],
            middleware=[authenticate, bodies],
            routes=metadata.routes(),
            access=NativeAccess(partial(Challenge, max_body=settings.max_body)),
            authenticator=authenticator,
            set_caller=set_caller,
        )


def address(settings: Settings) -> Feature:
    """Finds the client's address: anonymous callers are counted and routed by it, and refusals are logged with it."""
    if not (settings.rate_limit or settings.auth_keys or settings.auth_issuer or settings.tool_routes):
        return Feature()
    from routes.middleware.address import Address

    return Feature(middleware=[Middleware(Address, trusted=settings.trusted_proxies)])


def _verifiers(settings: Settings) -> list[Verifier]:
    """Returns one for each kind of credential."""
    found: list[Verifier] = []
    if settings.auth_keys:
        from gateway.auth.api_keys import Keyring

        found.append(Keyring(Path(settings.auth_keys)))
    if settings.auth_issuer:
        from gateway.auth.access_tokens import AccessTokens
        from gateway.auth.issuer_keys import KeySet

        found.append(AccessTokens(settings.auth_issuer, settings.auth_audience, KeySet(settings.auth_issuer)))
    return found
