"""The addresses of the instances of an entry: which are refused, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import LoadError
from gateway.upstream.http.address import Address
from gateway.upstream.link import LinkFailure

MAX_INSTANCES = 64


def shown(url: str) -> str:
    """Returns a URL as it is in the file, without a name and password, and without its query: both may be secrets."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2].partition('?')[0]}{slash}{path.partition('?')[0].partition('#')[0]}"


def check_instances(place: str, urls: Sequence[str]) -> None:
    """Raises LoadError, which never has a URL. One with a variable is looked at again when it is opened."""
    seen: dict[str, int] = {}
    for number, url in enumerate(urls):
        if "${" not in url:
            try:
                Address.parse(url)
            except LinkFailure as exc:
                raise LoadError(f"{place}: instances.{number}: {str(exc).removeprefix('url: ')}") from None
        if (first := seen.setdefault(shown(url), number)) != number:
            raise LoadError(f"{place}: instances.{number}: it is the same as instances.{first}")
