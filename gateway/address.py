"""Addresses of clients, as they are read, trusted and counted."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]
Address = IPv4Address | IPv6Address


def is_within(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def counted_as(address: Address) -> str:
    """Returns the text by which an address is counted: of IPv6 its /64, all of which one client usually controls."""
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


def parse_address(text: str) -> Address | None:
    """Parses an address, also with a port (`1.2.3.4:5`, `[::1]:5`)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
