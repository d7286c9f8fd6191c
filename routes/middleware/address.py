"""Finds the client's address, by which anonymous callers are counted and refusals are logged."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.address import Networks, counted_as, is_within, parse_address
from gateway.caller import Caller, caller
from routes.scope import UNIX_PEER, peer_of

UNKNOWN_ADDRESS = "unknown"
UNIX_ADDRESS = IPv4Address("0.0.0.0")  # noqa: S104  # not listened on: nothing connects from it
"""Stands for the clients of a Unix socket, as the setting of the trusted proxies does."""
MAX_FORWARDED_LENGTH = 1024
"""Bytes of `X-Forwarded-For` that are read, from its right end."""


class Address:
    """Sets a caller with the client's address. It stands outside all middleware that reads or replaces the caller.

    `X-Forwarded-For` counts only from `trusted` proxies, and only as far as they wrote it: the address is the first
    one from the right that is not trusted.
    """

    def __init__(self, app: ASGIApp, trusted: Networks) -> None:
        self.app = app
        self._trusted = trusted
        self._caller_at = lru_cache(maxsize=1024)(self._find_caller)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan":
            client: Any = scope.get("client")
            forwarded = b""
            if self._trusted:
                forwarded = b",".join([value for key, value in scope["headers"] if key == b"x-forwarded-for"])
            peer = client[0] if client else peer_of(scope)
            caller.set(self._caller_at(peer, forwarded[-MAX_FORWARDED_LENGTH:]))
        return self.app(scope, receive, send)

    def _find_caller(self, peer: str, forwarded: bytes) -> Caller:
        found = connection_address(peer)
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if found is None or not is_within(found, self._trusted):
                break
            previous = parse_address(hop.strip())
            if previous is None:  # malformed: the proxy that sent it is the last address that is certain
                break
            found = previous
        if found is UNIX_ADDRESS:
            return Caller(address=UNIX_PEER)
        return Caller(address=counted_as(found) if found is not None else UNKNOWN_ADDRESS)


def connection_address(peer: str) -> IPv4Address | IPv6Address | None:
    """Returns the address of a connection's other end, None if it is unknown."""
    return UNIX_ADDRESS if peer == UNIX_PEER else parse_address(peer)
