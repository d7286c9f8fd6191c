"""Judges where a connection leads to, by its resolved address, and pins the connection to that address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from gateway.upstream.destination.addresses import IPAddress, Network, is_public, literal
from gateway.upstream.link import LinkFailure

REFUSED = "its address is not one of the public Internet; MCP_ADMIN_NETWORKS names others that are allowed"


class Destinations:
    """Allows addresses of the public Internet, and those in `networks`."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def allows(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks) or is_public(address)

    def refuses_literal(self, host: str) -> bool:
        """Returns True for an address that is not allowed. What a name stands for is judged at each connection."""
        address = literal(host)
        return address is not None and not self.allows(address)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Returns the addresses of a host, all of which are allowed.

        A name of which one address is not allowed is refused: which of them would be used is for others to say.

        Raises:
            LinkFailure: an address is not allowed.
            OSError: the name cannot be resolved.
        """
        if self.refuses_literal(host):
            raise LinkFailure(REFUSED, was_sent=False)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        if not addresses or not all(self.allows(ip_address(address)) for address in addresses):
            raise LinkFailure(REFUSED, was_sent=False)
        return addresses
