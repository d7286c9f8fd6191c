"""Makes the client of each link to one entry, all of which share the entry's credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy

from gateway.upstream.config import Upstream
from gateway.upstream.destination.destinations import Destinations
from gateway.upstream.expand import expanded
from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.credentials.source import Credentials, MakeKey, credentials_of
from gateway.upstream.http.headers import EntryHeaders
from gateway.upstream.http.proxy.choice import proxy_of
from gateway.upstream.http.tls import context_of
from gateway.upstream.parts import Auth


class Clients:
    """Makes clients for `entry`. `${NAME}` in its `url`, headers and files is replaced each time.

    The credentials of a server with several instances are for the first one, and are sent to all. With `destinations`
    the clients reach no others, and use no proxy, which could. `make_key` is for an entry with a private key.
    """

    def __init__(
        self,
        entry: Upstream,
        environ: Mapping[str, str],
        destinations: Destinations | None = None,
        make_key: MakeKey | None = None,
    ) -> None:
        self.entry = self._first = entry if entry.url else entry.model_copy(update={"url": entry.instances[0]})
        self._destinations = destinations
        self._make_key = make_key
        self._environ = environ
        self._credentials: list[Credentials] = []

    def at(self, url: str) -> Clients:
        """Returns what makes the clients of the instance at `url`."""
        other = copy(self)
        other.entry = self.entry.model_copy(update={"url": url})
        return other

    def make(self) -> Client:
        """Raises LinkFailure, whose reason has no value of the entry."""
        entry = self.entry
        client = _client(entry, self._environ, self._destinations)
        if entry.auth is not None:
            if not self._credentials:
                self._credentials.append(self._credentials_of(entry.auth))
            client.credential, client.of_caller = self._credentials[0].own, self._credentials[0].of_caller
        return client

    def _credentials_of(self, auth: Auth) -> Credentials:
        return credentials_of(self._first, auth, self._environ, self._destinations, self._make_key)

    def close(self) -> None:
        """Ends what the clients shared. May be called again."""
        while self._credentials:
            self._credentials.pop().close()


def _client(entry: Upstream, environ: Mapping[str, str], destinations: Destinations | None) -> Client:
    """Raises LinkFailure, whose reason has no value of the entry."""
    headers = {name: expanded(value, environ, f"headers.{name}") for name, value in entry.headers.items()}
    paths = {"headersFile": entry.headers_file, "tokenFile": entry.token_file}
    files = [os.path.expanduser(expanded(path, environ, field)) for field, path in paths.items()]
    address = Address.parse(expanded(entry.url, environ, "url"))
    tls = context_of(entry.tls, environ) if entry.tls is not None else None
    named = expanded(entry.proxy, environ, "proxy")
    proxy = proxy_of(address.origin, environ, named) if destinations is None else None
    own = EntryHeaders(headers, *files, is_authorized=entry.auth is not None)
    return Client(address, own, entry.max_message, tls, proxy=proxy, destinations=destinations)
