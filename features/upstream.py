"""Makes the servers that run elsewhere, from their entries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import anyio

from gateway.call import Interceptor
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.native import Access
from gateway.sdk.sessions.sessions import Limits
from gateway.upstream.admission.refused import Refused
from gateway.upstream.admission.rules import Rules
from gateway.upstream.config import Upstream
from gateway.upstream.current import Current
from gateway.upstream.http.entry import Clients
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.instances.openings import InstanceOpenings
from gateway.upstream.server import UpstreamServer
from gateway.upstream.sse.opening import EitherOpening, SseOpening
from gateway.upstream.starts import Starts
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.memory import Memory
from gateway.upstream.stdio.opening import StdioOpening
from gateway.upstream.stdio.stderr import LastLines

if TYPE_CHECKING:
    from gateway.upstream.http.credentials.source import MakeKey
    from gateway.upstream.pins.checks import Checks
    from gateway.upstream.pins.file import Pins
    from gateway.upstream.versions.backends import MakeBackends
    from gateway.upstream.versions.described import Member
    from gateway.versions.routing import Routing


def _key_maker(entry: Upstream) -> MakeKey | None:
    if entry.auth is None or not entry.auth.private_key_file:
        return None
    from gateway.upstream.http.credentials.private_key import PrivateKey

    return PrivateKey


class UpstreamServers:
    """Children share what watches over them, and all that have `pin` share the file of pins.

    `rules` makes the rules for entries that came by the admin API. With `keeps_lines`, the last lines of each child's
    standard error are kept.
    """

    def __init__(
        self,
        pins_file: str,
        interceptors: Sequence[Interceptor],
        limits: Limits,
        *,
        access: Access | None,
        changed: Callable[[], None],
        states: WaitingStates,
        rules: Callable[[], Rules],
        keeps_lines: bool = False,
        exchange: Exchange | None,
        routing: Routing | None = None,
    ) -> None:
        self.starts = Starts()
        self.rules = rules
        self._lines = LastLines() if keeps_lines else None
        self._interceptors = interceptors
        self._limits = limits
        self._access = access
        self._changed = changed
        self._states = states
        self._exchange = exchange
        self._routing = routing
        self._leash, self._memory = Leash(), Memory()
        self._served: WeakSet[UpstreamServer] = WeakSet()
        self._pins_file = pins_file
        self._pins: Pins | None = None

    def made(
        self, entries: Mapping[str, Upstream], versioned: Mapping[str, Sequence[Member]]
    ) -> Sequence[UpstreamServer]:
        """Returns the servers of all entries, and those whose tools have versions."""
        alone = [self.make(name, entry) for name, entry in entries.items()]
        return [*alone, *(self.make_versioned(name, members) for name, members in versioned.items())]

    def make(self, name: str, entry: Upstream) -> UpstreamServer:
        return self._made(name, entry, self.opening(name, entry), self._checks(name, entry), Current)

    def make_versioned(self, name: str, members: Sequence[Member]) -> UpstreamServer:
        """Returns a server whose tools have versions. Each entry keeps its name for its process and its pins."""
        from gateway.upstream.versions.current import Running, VersionedCurrent, main_of

        assert self._routing is not None
        versions = [
            Running(each, self.opening(each.name, each.entry), self._checks(each.name, each.entry)) for each in members
        ]
        main = next(running for running in versions if running.member is main_of(members))
        backends = partial(VersionedCurrent, versions=versions, routing=self._routing)
        return self._made(name, main.member.entry, main.opening, main.pins, backends)

    def _made(
        self, name: str, entry: Upstream, opening: AnyOpening, pins: Checks | None, backends: MakeBackends
    ) -> UpstreamServer:
        made = UpstreamServer(
            name,
            entry,
            opening,
            self._interceptors,
            self._limits,
            starts=self.starts,
            access=self._access,
            changed=self._changed,
            states=self._states,
            pins=pins,
            exchange=self._exchange,
            backends=backends,
        )
        self._served.add(made)
        return made

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Closes all servers together at the end: a child that does not end by itself holds up no other."""
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):  # what fails is told by the lifetime of its server
                await asyncio.gather(*(server.close() for server in self._served), return_exceptions=True)

    async def change(self, server: UpstreamServer, entry: Upstream, grace: float) -> None:
        """As the method of the server. Raises StartError."""
        name = server.name
        await server.change(entry, self.opening(name, entry), self._checks(name, entry), grace)

    def opening(self, name: str, entry: Upstream) -> AnyOpening:
        """Returns the opening of an entry. One of the admin API is held to its rules."""
        environ: Mapping[str, str] = os.environ
        destinations = None
        if entry.source == "api":
            rules = self.rules()
            if refusals := rules.refusals(entry):
                return Refused(refusals[0])
            environ, destinations = rules.environ, rules.destinations
        if entry.type == "stdio":
            kept = self._lines.of(name) if self._lines is not None else None
            return StdioOpening(name, entry, environ, self._leash, self._memory, kept=kept)
        clients = Clients(entry, environ, destinations, _key_maker(entry))
        if entry.instances:
            return InstanceOpenings(clients, EitherOpening)
        return SseOpening(clients) if entry.type == "sse" else EitherOpening(clients)

    def last_lines(self, name: str) -> list[str]:
        """Returns the last lines that the children of a server wrote to their standard error in this process."""
        return [*self._lines.of(name)] if self._lines is not None else []

    def _checks(self, name: str, entry: Upstream) -> Checks | None:
        if entry.pin == "off":
            return None
        from gateway.upstream.pins.checks import Checks
        from gateway.upstream.pins.file import Pins

        self._pins = self._pins or Pins(Path(self._pins_file))
        return Checks(name, self._pins, blocks=entry.pin == "block")
