"""Makes the client of each link to one entry, all of which share the entry's credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gateway.upstream.config import Upstream
from gateway.upstream.expand import expanded
from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.credentials.source import Credentials, credentials_of
from gateway.upstream.http.headers import EntryHeaders
from gateway.upstream.http.proxy.choice import proxy_of
from gateway.upstream.http.tls import context_of


class Clients:
    """Makes clients for `entry`. `${NAME}` in its `url`, headers and files is replaced each time."""

    def __init__(self, entry: Upstream, environ: Mapping[str, str]) -> None:
        self.entry = entry
        self._environ = environ
        self._credentials: Credentials | None = None

    def make(self) -> Client:
        """Raises LinkFailure, whose reason has no value of the entry."""
        entry = self.entry
        client = _client(entry, self._environ)
        if entry.auth is not None:
            found = self._credentials = self._credentials or credentials_of(entry, entry.auth, self._environ)
            client.credential, client.of_caller = found.own, found.of_caller
        return client

    def close(self) -> None:
        """Ends what the clients shared. May be called again."""
        credentials, self._credentials = self._credentials, None
        if credentials is not None:
            credentials.close()


def _client(entry: Upstream, environ: Mapping[str, str]) -> Client:
    """Raises LinkFailure, whose reason has no value of the entry."""
    headers = {name: expanded(value, environ, f"headers.{name}") for name, value in entry.headers.items()}
    named = {"headersFile": entry.headers_file, "tokenFile": entry.token_file}
    files = [os.path.expanduser(expanded(path, environ, field)) for field, path in named.items()]
    address = Address.parse(expanded(entry.url, environ, "url"))
    tls = context_of(entry.tls, environ) if entry.tls is not None else None
    proxy = proxy_of(address.origin, environ, expanded(entry.proxy, environ, "proxy"))
    own = EntryHeaders(headers, *files, is_authorized=entry.auth is not None)
    return Client(address, own, entry.max_message, tls, proxy=proxy)
