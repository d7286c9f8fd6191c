"""Where a request comes from: the client's address, as strangers are counted by."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.caller import Caller, caller

Networks = Sequence[IPv4Network | IPv6Network]
UNKNOWN = "unknown"
ENOUGH = 1024
"""Bytes of `X-Forwarded-For`, at its right end, that are read, and kept with what was found in them."""


class Address:
    """Believes `X-Forwarded-For` only from `trusted`, and of it only what they added: from the right, the first
    address that is none of theirs. It stands before all that says more of the caller."""

    def __init__(self, app: ASGIApp, trusted: Networks) -> None:
        self.app = app
        self._trusted = trusted
        self._stranger = lru_cache(maxsize=1024)(self._find)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan":
            client: Any = scope.get("client")
            forwarded = b""
            if self._trusted:
                forwarded = b",".join([value for key, value in scope["headers"] if key == b"x-forwarded-for"])
            caller.set(self._stranger(client[0] if client else "", forwarded[-ENOUGH:]))
        return self.app(scope, receive, send)

    def _find(self, peer: str, forwarded: bytes) -> Caller:
        found = _parsed(peer)
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if found is None or not any(found in network for network in self._trusted):
                break
            further = _parsed(hop.strip())
            if further is None:  # nonsense, which the proxy passed on: the proxy itself is all that is known
                break
            found = further
        return Caller(address=_counted_by(found))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, also with a port (`1.2.3.4:5`, `[::1]:5`)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted_by(address: IPv4Address | IPv6Address | None) -> str:
    """Whoever has an IPv6 address has the whole /64."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address) if address is not None else UNKNOWN
