"""The addresses of the instances of an entry, and how each is opened."""

from __future__ import annotations

from collections.abc import Callable

from gateway.upstream.http.entry import Clients
from gateway.upstream.instances.addresses import shown
from gateway.upstream.link import Opening


class InstanceOpenings:
    """`each` has the openings by the address that may be shown. `clients` are those of the entry."""

    def __init__(self, clients: Clients, opening: Callable[[Clients], Opening]) -> None:
        self.each = {shown(url): opening(clients.at(url)) for url in clients.entry.instances}

    def close(self) -> None:
        """Ends what the links shared. Called once, when the last one is closed."""
        for opening in self.each.values():
            opening.close()
