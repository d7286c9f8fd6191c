"""Asks the token endpoint of an authorization server (RFC 6749) for access tokens."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from pydantic_core import from_json

from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.credentials.file import BEARER
from gateway.upstream.http.credentials.token import Grant, NoToken
from gateway.upstream.link import LinkFailure

MAX_TOKEN = 16 * 1024
UNKNOWN_LIFETIME = 60.0
"""Seconds for which a token is used whose answer does not say how long it is valid."""

MAX_LIFETIME = 24 * 3600.0
_HEAD = b"Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
_OF_THE_CALLER = frozenset({"access_denied", "invalid_grant", "invalid_request", "invalid_target"})
_ERRORS = _OF_THE_CALLER | {"invalid_client", "invalid_scope", "server_error", "temporarily_unavailable"}
_ERRORS |= {"unauthorized_client", "unsupported_grant_type", "unsupported_token_type"}
"""Errors of RFC 6749 and RFC 8693. Any other text of an answer reaches no log."""


class ClientProof(Protocol):
    """How the router proves who it is: by lines of the head, and by fields of the form."""

    def head(self) -> bytes: ...

    def form(self, endpoint: str) -> dict[str, str]:
        """`endpoint` is the URL that it is sent to. Raises NoToken."""
        ...


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret that is sent in a header (`basic`), or in the form (`post`)."""

    id: str
    secret: str = field(default="", repr=False)
    method: str = "basic"

    def head(self) -> bytes:
        if not self.secret or self.method != "basic":
            return b""
        pair = f"{quote_plus(self.id)}:{quote_plus(self.secret)}"
        return b"Authorization: Basic %b\r\n" % b64encode(pair.encode())

    def form(self, endpoint: str) -> dict[str, str]:
        if self.secret and self.method == "basic":
            return {}
        return {"client_id": self.id} | ({"client_secret": self.secret} if self.secret else {})


class TokenEndpoint:
    """`find` returns the endpoint's address, which is asked for again after a failure; `open_client` its client."""

    def __init__(
        self, find: Callable[[], Awaitable[Address]], client: ClientProof, open_client: Callable[[Address], Client]
    ) -> None:
        self._find = find
        self._proof = client
        self._open = open_client
        self._client: Client | None = None
        self._in_use = 0

    async def grant(self, form: Mapping[str, str]) -> Grant:
        """Raises LinkFailure, without anything that the endpoint chose to say."""
        if self._client is None:
            address = await self._find()
            self._client = self._client or self._open(address)
        client, is_over = self._client, False
        self._in_use += 1
        try:
            body = urlencode({**form, **self._proof.form(str(client.address))}).encode()
            async with client.post(_HEAD + self._proof.head(), body) as connection:
                return _granted(connection)
        except LinkFailure:
            is_over = True
            raise
        finally:
            self._in_use -= 1
            if is_over and not self._in_use:  # the endpoint may be another one by now
                self.close()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _granted(connection: Connection) -> Grant:
    document = parsed(connection)
    if connection.status != 200:
        error = document.get("error") if document is not None else None
        is_named = isinstance(error, str) and error in _ERRORS
        named = f" ({error})" if is_named else ""
        is_refused = connection.status in (400, 403) and error in _OF_THE_CALLER if is_named else False
        raise NoToken(f"the token endpoint answers with status {connection.status}{named}", is_refused=is_refused)
    if document is None:
        raise NoToken("the answer of the token endpoint is not JSON")
    token, kind = document.get("access_token"), document.get("token_type")
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not BEARER.fullmatch(token):
        raise NoToken("the answer of the token endpoint has no usable token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NoToken("the token endpoint gives no bearer tokens")
    return Grant(token, lifetime(document.get("expires_in")))


def parsed(connection: Connection) -> dict[str, Any] | None:
    """Returns the JSON object of an answer; None if it has none."""
    try:
        document = from_json(b"" if connection.is_stream else connection.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def lifetime(expires_in: Any) -> float:
    """Returns the seconds of `expires_in`, which some servers send as a text. One in the past is 0."""
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:10])
    if type(expires_in) is float and math.isnan(expires_in):
        return UNKNOWN_LIFETIME
    return float(min(max(expires_in, 0), MAX_LIFETIME)) if type(expires_in) in (int, float) else UNKNOWN_LIFETIME
