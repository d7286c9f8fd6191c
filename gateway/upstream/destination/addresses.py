"""Addresses of the public Internet, and texts that resolvers take for addresses."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv6Network("2001::/23"),  # protocols, Teredo among them
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4, which has any IPv4 address in it
    IPv6Network("3fff::/20"),
)


def is_public(address: IPAddress) -> bool:
    """Returns True for an address of the public Internet itself.

    Those that stand for an IPv4 address (mapped, 6to4, NAT64) are none: what they reach is for others to say.
    """
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _GLOBAL_UNICAST):
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def literal(host: str) -> IPAddress | None:
    """Returns the address that a host of a URL is; None for a name other than `localhost`.

    Resolvers also read `2130706433`, `0x7f.1` and `0177.0.0.1`, which are all 127.0.0.1.
    """
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host and host[-1].isalnum() else None
    except OSError:
        return None
