"""An authorization server on loopback, made of the SDK's routes, and a user with an OAuth client."""

from __future__ import annotations

import secrets
import time
from typing import Any

import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    IdentityAssertionParams,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyHttpUrl, AnyUrl

from tests.gateway.auth.issuer import Issuer

REDIRECT = "http://127.0.0.1:1/callback"


class Provider:
    """Registers every client, logs in `ann` without asking, and issues tokens for the requested resource."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._clients: dict[str, OAuthClientInformationFull] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self.given: list[str] = []
        self.resources: list[str | None] = []

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self._clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        assert client_info.client_id is not None
        self._clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id or "",
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self._codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self._codes[authorization_code.code]
        return self._grant(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        return self._refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        del self._refresh[refresh_token.token]
        return self._grant(client, scopes, refresh_token.resource)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return None

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        """Never called."""

    async def exchange_identity_assertion(
        self, client: OAuthClientInformationFull, params: IdentityAssertionParams
    ) -> OAuthToken:
        raise NotImplementedError

    def _grant(self, client: OAuthClientInformationFull, scopes: list[str], resource: str | None) -> OAuthToken:
        client_id, refresh = client.client_id or "", secrets.token_urlsafe(32)
        self._refresh[refresh] = RefreshToken(token=refresh, client_id=client_id, scopes=scopes, resource=resource)
        claims: dict[str, Any] = {
            "aud": resource,
            "scope": " ".join(scopes),
            "client_id": client_id,
            "jti": secrets.token_hex(8),
        }
        token = self._issuer.token("p256", **claims)
        self.given.append(token)
        self.resources.append(resource)
        return OAuthToken(access_token=token, expires_in=60, scope=" ".join(scopes), refresh_token=refresh)


class Storage:
    """The client's storage of tokens and registration."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class User:
    """A user whose browser follows the login and returns the code to the client."""

    def __init__(self, url: str) -> None:
        self.storage = Storage()
        self._answer = AuthorizationCodeResult(code="")
        metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(REDIRECT)], client_name="test")
        self.auth = OAuthClientProvider(url, metadata, self.storage, self._open, self._called_back)

    async def _open(self, url: str) -> None:
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(url)
        assert answer.status_code == 302, answer.text
        query = httpx2.URL(answer.headers["location"]).params
        self._answer = AuthorizationCodeResult(code=query["code"], state=query["state"])

    async def _called_back(self) -> AuthorizationCodeResult:
        return self._answer


def add_routes(issuer: Issuer) -> Provider:
    """Adds the SDK's OAuth routes to `issuer`. OpenID's metadata names its keys, as the SDK's metadata cannot."""
    provider = Provider(issuer)
    url = AnyHttpUrl(issuer.url)
    routes = create_auth_routes(provider, url, client_registration_options=ClientRegistrationOptions(enabled=True))
    issuer.app.router.routes[:0] = routes
    issuer.url = str(url)
    issuer.publish("/.well-known/openid-configuration", issuer.metadata(jwks_uri=f"{str(url).rstrip('/')}/jwks"))
    return provider
