"""The URL of an upstream server, taken apart once."""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from gateway.upstream.link import LinkFailure

_PORTS = {"http": 80, "https": 443}
_WITHIN_A_LINE = re.compile(r"[\x21-\x7e]+")


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """The origin as in a URL; without its scheme it is the value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


class Address(NamedTuple):
    """`target` is the path with the query."""

    origin: Origin
    target: str

    def __str__(self) -> str:
        """The URL, whose query may have a secret."""
        return f"{self.origin}{self.target}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises LinkFailure, without the URL, which may have a secret in its query."""
        try:
            parts = urlsplit(url)
            found = cls(Origin(parts.scheme, *_host_and_port(parts)), _target(parts))
        except ValueError as exc:
            raise LinkFailure(f"url: {_REASONS.get(str(exc), 'it is not a URL')}", was_sent=False) from exc
        return found

    def joined(self, location: str) -> Address | None:
        """Returns the address that `Location` names; None if it names none."""
        try:
            return Address.parse(urljoin(str(self), location))
        except (LinkFailure, ValueError):
            return None


_REASONS = {
    "scheme": "it must begin with http:// or https://",
    "userinfo": "a name or password belongs in `headers`",
    "fragment": "it may have no fragment",
    "host": "it has no host",
    "characters": "it has characters that must be percent-encoded",
}


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    if parts.scheme not in _PORTS:
        raise ValueError("scheme")
    if parts.username is not None or parts.password is not None:
        raise ValueError("userinfo")
    if not parts.hostname:
        raise ValueError("host")
    host = parts.hostname.encode("idna").decode("ascii")
    if not _WITHIN_A_LINE.fullmatch(host):
        raise ValueError("characters")
    return host, parts.port or _PORTS[parts.scheme]


def _target(parts: SplitResult) -> str:
    if parts.fragment:
        raise ValueError("fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _WITHIN_A_LINE.fullmatch(target):
        raise ValueError("characters")
    return target
