"""Which proxy stands between the router and an origin: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from gateway.upstream.http.address import Origin
from gateway.upstream.link import LinkFailure

DIRECT = "none"
"""The value of an entry's `proxy` that uses none."""

_PORT = re.compile(r"(?:\]|^[^:]+):\d+$")


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization` is the line of a request's head that the proxy asks for; it may be empty."""

    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)


def proxy_of(origin: Origin, environ: Mapping[str, str], named: str = "") -> Proxy | None:
    """Returns the proxy that an entry has `named`, or that of the environment; None if there is none.

    Variables may be in lower case, which goes first, as in other programs. Loopback is always reached directly.

    Raises:
        LinkFailure: the proxy's URL cannot be used. The reason does not have it.
    """
    if named:
        return None if named == DIRECT else _parsed("proxy", named)
    if _is_direct(origin, _value("no_proxy", environ)):
        return None
    for name in (f"{origin.scheme}_proxy", "all_proxy"):
        if value := _value(name, environ):
            return _parsed(name.upper(), value)
    return None


def _value(name: str, environ: Mapping[str, str]) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _parsed(field: str, url: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 80
        if parts.scheme != "http" or not host:
            raise ValueError
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise LinkFailure(f"{field}: expected http://HOST:PORT", was_sent=False) from None
    if not user and not password:
        return Proxy(host, port)
    return Proxy(host, port, b"Proxy-Authorization: Basic %b\r\n" % b64encode(f"{user}:{password}".encode()))


def _is_direct(origin: Origin, no_proxy: str) -> bool:
    try:
        address = ipaddress.ip_address(origin.host)
    except ValueError:
        address = None
    if origin.host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(origin, address, rule.strip().lower()) for rule in no_proxy.split(","))


def _matches(origin: Origin, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, rule: str) -> bool:
    """Returns True for `*`, a host and those below it, a network, and each with a port."""
    if rule == "*":
        return True
    with suppress(ValueError):
        if address is not None and address in ipaddress.ip_network(rule.strip("[]"), strict=False):
            return True
    host, _, port = rule.rpartition(":") if _PORT.search(rule) else (rule, "", "")
    host = host.strip("[]").removeprefix("*").removeprefix(".")
    is_there = bool(host) and (origin.host.lower() == host or origin.host.lower().endswith(f".{host}"))
    return is_there and port in ("", str(origin.port))
