"""The resources of an upstream that clients watch: the first one of each subscribes, and the last one unsubscribes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from mcp.shared.exceptions import MCPError

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, Unavailable
from gateway.places import Places, part
from gateway.sdk.native import protocol_error
from gateway.upstream.backend import Backend
from gateway.upstream.calls.subscriptions import Subscriptions
from gateway.upstream.link import Link
from gateway.upstream.supervisor import Supervisor

MAX_RESOURCES = 1000
"""Watched resources of one upstream."""

MAX_OF_CLIENT = 100
"""Those of one session, or of one stream."""

Tell = Callable[[str], None]
"""Tells a client that the resource has changed."""


@dataclass(slots=True)
class _Resource:
    """`who` was the first who watched it."""

    who: Caller
    clients: dict[Hashable, Tell] = field(default_factory=dict)


@dataclass(slots=True)
class _Watched:
    """The resources at one place. Its link is in use as long as there are any, and so does not end for being idle."""

    subscriptions: Subscriptions
    used: Supervisor
    resources: dict[str, _Resource] = field(default_factory=dict)


class Watches:
    """One caller may be the first of `share` of the resources."""

    def __init__(self, backend: Backend, share: float) -> None:
        self._backend = backend
        self._at: dict[str, _Watched] = {}
        self._of_client: dict[Hashable, set[tuple[str, str]]] = {}
        self._places = Places(MAX_RESOURCES, part(MAX_RESOURCES, share), "watched resources")
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, client: Hashable, place: str, uris: Collection[str], tell: Tell) -> Mapping[str, MCPError]:
        """Watches resources for a client until it leaves. Returns those that the upstream has refused, with its errors.

        Raises:
            MCPError: there are too many, or the upstream cannot be reached. Then no further one is watched.
        """
        try:
            at, added = self._added(client, place, uris, tell)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        try:
            refused = await at.subscriptions.settle()
        except BaseException:  # whatever it is, nothing is watched
            self._leave(client, added)
            raise
        self._leave(client, [(place, uri) for uri in refused])
        return {uri: exc for uri, exc in refused.items() if uri in uris}

    async def leave(self, client: Hashable, place: str, uri: str) -> None:
        """Returns when the upstream knows."""
        if (task := self._leave(client, [(place, uri)])) is not None:
            await asyncio.wait((task,))

    def leave_all(self, client: Hashable) -> None:
        self._leave(client, self._of_client.get(client, ()))

    def at(self, place: str) -> Collection[str]:
        """Returns the resources that are watched at the link of this place."""
        return self._at[place].resources.keys() if place in self._at else ()

    def updated(self, uri: object, place: str) -> None:
        """Tells the clients that watch a resource of the link at `place` that it has changed."""
        at = self._at.get(place)
        if at is not None and isinstance(uri, str) and uri in at.resources:
            for tell in [*at.resources[uri].clients.values()]:
                tell(uri)

    def acknowledged(self, place: str) -> Collection[str]:
        """Takes the acknowledgement of a stream at a link. Returns the resources whose changes it may have missed."""
        at = self._at.get(place)
        return () if at is None else at.subscriptions.listening.acknowledged()

    async def repeat(self, link: Link, place: str) -> Collection[str]:
        """Subscribes again at a new link. Returns the resources, which may have changed. Raises LinkFailure."""
        at = self._at.get(place)
        return () if at is None else await at.subscriptions.repeat(link)

    def _added(
        self, client: Hashable, place: str, uris: Collection[str], tell: Tell
    ) -> tuple[_Watched, Collection[tuple[str, str]]]:
        """Returns what the client watches now, and the part that is new. Raises GatewayError if it is too much."""
        who, own = caller.get(), self._of_client.get(client, set())
        added = {(place, uri) for uri in uris} - own
        if len(own) + len(added) > MAX_OF_CLIENT:
            raise Unavailable(f"Too many watched resources: the limit of one session or stream is {MAX_OF_CLIENT}.")
        at = self._at.get(place)
        new = [uri for uri in uris if at is None or uri not in at.resources]
        self._places.take(who, len(new))
        try:
            at = at or _Watched(Subscriptions(self._backend, place), self._backend.enter(place))
        except GatewayError:
            self._places.give_back(who, len(new))
            raise
        self._at[place] = at
        self._of_client[client] = own | added
        at.resources.update((uri, _Resource(who)) for uri in new)
        at.subscriptions.wanted.update(new)
        for uri in uris:
            at.resources[uri].clients[client] = tell
        return at, added

    def _leave(self, client: Hashable, watched: Collection[tuple[str, str]]) -> asyncio.Task[None] | None:
        """Returns the task that tells the upstream; None if there is nothing to tell."""
        emptied = set()
        own = self._of_client.get(client, set())
        for place, uri in own & {*watched}:
            own.discard((place, uri))
            at = self._at[place]
            resource = at.resources[uri]
            del resource.clients[client]
            if not resource.clients:
                del at.resources[uri]
                at.subscriptions.wanted.discard(uri)
                self._places.give_back(resource.who)
                emptied.add(place)
        if not own:
            self._of_client.pop(client, None)
        if not emptied:
            return None
        task = asyncio.ensure_future(self._settle(emptied))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _settle(self, places: Collection[str]) -> None:
        for place in places:
            if (at := self._at.get(place)) is None:
                continue
            if self._backend.open_link(place) is not None:  # a link that is away has forgotten everything
                with suppress(MCPError):
                    await at.subscriptions.settle()
            if not at.resources and self._at.get(place) is at:
                del self._at[place]
                at.used.leave()
