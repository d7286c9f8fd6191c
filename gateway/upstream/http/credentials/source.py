"""The credentials of an entry with `auth`, which outlive its links."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from gateway.upstream.config import Upstream
from gateway.upstream.destination.destinations import Destinations
from gateway.upstream.expand import expanded
from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.credentials.caller_tokens import CallerTokens
from gateway.upstream.http.credentials.discovery import OpenClient, endpoint_at, find_endpoint
from gateway.upstream.http.credentials.token import Credential, Grant, SharedToken
from gateway.upstream.http.credentials.token_endpoint import ClientProof, ClientSecret, TokenEndpoint
from gateway.upstream.http.headers import EntryHeaders
from gateway.upstream.http.proxy.choice import proxy_of
from gateway.upstream.http.tls import context_of
from gateway.upstream.parts import Auth

MAX_ANSWER = 64 * 1024
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105


class Credentials:
    """`own` is for the router's own requests. `of_caller` is None if the requests of callers have the same."""

    def __init__(self, endpoint: TokenEndpoint, wanted: Mapping[str, str], *, exchanges: bool) -> None:
        self._endpoint = endpoint
        self._wanted = wanted
        self._token = SharedToken()
        own = partial(endpoint.grant, {"grant_type": "client_credentials", **wanted})
        self.own = Credential(self._token, own)
        self._of_callers = CallerTokens(self._exchange) if exchanges else None
        self.of_caller = self._of_callers.of_caller if self._of_callers is not None else None

    def close(self) -> None:
        self._token.close()
        if self._of_callers is not None:
            self._of_callers.close()
        self._endpoint.close()

    async def _exchange(self, token: str) -> Grant:
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
        return await self._endpoint.grant({**form, "requested_token_type": ACCESS_TOKEN, **self._wanted})


MakeKey = Callable[..., ClientProof]
"""Makes the proof by a private key, which needs a package that most entries do not."""


def credentials_of(
    entry: Upstream,
    auth: Auth,
    environ: Mapping[str, str],
    destinations: Destinations | None = None,
    make_key: MakeKey | None = None,
) -> Credentials:
    """Returns those of an entry with `auth`. Raises LinkFailure, whose reason has no value of the entry."""
    open_client = partial(_client, auth, environ, destinations)

    def value(field: str, text: str) -> str:
        return expanded(text, environ, f"auth.{field}")

    url = expanded(entry.url, environ, "url")
    client = value("clientId", auth.client_id)
    default = "" if auth.audience else url.partition("?")[0]
    wanted = {
        "scope": value("scope", auth.scope),
        "resource": default if auth.resource is None else value("resource", auth.resource),
        "audience": value("audience", auth.audience),
    }
    proof: ClientProof = ClientSecret(client, value("clientSecret", auth.client_secret), auth.client_auth)
    if make_key is not None:
        file, key_id = value("privateKeyFile", auth.private_key_file), value("keyId", auth.key_id)
        proof = make_key(client, file, key_id=key_id, algorithm=auth.algorithm, issuer=value("issuer", auth.issuer))
    endpoint = TokenEndpoint(_finding(auth, url, environ, open_client), proof, open_client)
    given = {name: text for name, text in wanted.items() if text}
    return Credentials(endpoint, given, exchanges=entry.exchanges_tokens)


def _finding(
    auth: Auth, url: str, environ: Mapping[str, str], open_client: OpenClient
) -> Callable[[], Awaitable[Address]]:
    issuer = expanded(auth.issuer, environ, "auth.issuer")
    if not auth.token_url:
        return partial(find_endpoint, Address.parse(url), issuer, open_client)
    address = endpoint_at(expanded(auth.token_url, environ, "auth.tokenUrl"), "tokenUrl")

    async def found() -> Address:
        return address

    return found


def _client(auth: Auth, environ: Mapping[str, str], destinations: Destinations | None, address: Address) -> Client:
    """Returns a client that follows no redirect: it sends secrets."""
    tls = context_of(auth.tls, environ) if auth.tls is not None else None
    proxy = proxy_of(address.origin, environ) if destinations is None else None
    headers = EntryHeaders({})
    return Client(address, headers, MAX_ANSWER, tls, proxy=proxy, max_redirects=0, destinations=destinations)
