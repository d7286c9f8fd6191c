"""The addresses of the instances of an entry, and how each is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.instances.addresses import shown
from gateway.upstream.link import Opening


class InstanceOpenings:
    """`each` has the openings by the address that may be shown."""

    def __init__(self, entry: Upstream, environ: Mapping[str, str], opening: Callable[[Clients], Opening]) -> None:
        clients = Clients(entry, environ)
        self.each = {shown(url): opening(clients.at(url)) for url in entry.instances}

    def close(self) -> None:
        """Ends what the links shared. Called once, when the last one is closed."""
        for opening in self.each.values():
            opening.close()
