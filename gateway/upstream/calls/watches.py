"""The resources of an upstream that clients watch: the first one of each subscribes, and the last one unsubscribes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress

from mcp.shared.exceptions import MCPError

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, Unavailable
from gateway.places import Places, part
from gateway.sdk.native import protocol_error
from gateway.upstream.calls.places import place_of
from gateway.upstream.calls.subscriptions import Subscriptions
from gateway.upstream.calls.watched import Client, Resource, Watched
from gateway.upstream.current import Current
from gateway.upstream.link import Link
from gateway.upstream.pool import OWN

logger = logging.getLogger(__name__)
MAX_RESOURCES = 1000
"""Watched resources of one upstream."""

MAX_OF_CLIENT = 100
"""Those of one session, or of one stream."""

Missed = Callable[[Collection[str], str], Awaitable[None]]
"""Takes resources whose changes may have been missed, and the place of their link."""


class Watches:
    """One caller may be the first of `share` of the resources. `_of_client` has the place of each by its URI."""

    def __init__(self, current: Current, share: float, missed: Missed) -> None:
        self._current = current
        self._missed = missed
        self._at: dict[str, Watched] = {}
        self._of_client: dict[Client, dict[str, str]] = {}
        self._places = Places(MAX_RESOURCES, part(MAX_RESOURCES, share), "watched resources")
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, client: Client, uris: Collection[str]) -> Mapping[str, MCPError]:
        """Watches resources for a client until it leaves. Returns those that the upstream has refused, with its errors.

        Raises:
            MCPError: there are too many, or the upstream cannot be reached. Then no further one is watched.
        """
        added = {*uris} - self._of_client.get(client, {}).keys()
        if not added:
            return {}
        try:
            at = self._added(client, added)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        try:
            refused = await at.subscriptions.settle()
        except BaseException:  # whatever it is, nothing is watched
            self._leave(client, added)
            raise
        self._leave(client, refused)
        return {uri: exc for uri, exc in refused.items() if uri in added}

    async def leave(self, client: Client, uri: str) -> None:
        """Returns when the upstream knows."""
        if (task := self._leave(client, [uri])) is not None:
            await asyncio.wait((task,))

    def leave_all(self, client: Client) -> None:
        self._leave(client, [*self._of_client.get(client, ())])

    async def move(self) -> None:
        """Takes what is watched to the places of the same clients at a backend that has replaced another.

        The links at the router's own place are told by `repeat`. The task in which it runs must be its own.
        """
        before, self._at = self._at, {}
        clients, self._of_client = self._of_client, {}
        for at in before.values():
            at.subscriptions.end()
            at.leave()
            for resource in at.resources.values():
                self._places.give_back(resource.who)
        for client, own in clients.items():
            caller.set(client.who)
            try:
                self._added(client, own.keys(), is_moved=True)
            except GatewayError as exc:  # one resource of a shared process may be many in those of sessions
                logger.warning("resources are not watched any more: %s", exc)
        if OWN in self._at:
            self._at[OWN].subscriptions.expect_links()
        others = [at for place, at in self._at.items() if place != OWN]
        await asyncio.gather(*(_open(at, next(iter(at.resources.values())).who) for at in others))

    def at(self, place: str) -> Collection[str]:
        """Returns the resources that are watched at the link of this place."""
        return self._at[place].resources.keys() if place in self._at else ()

    def updated(self, uri: object, place: str) -> None:
        """Tells the clients that watch a resource of the link at `place` that it has changed."""
        at = self._at.get(place)
        if at is not None and isinstance(uri, str) and uri in at.resources:
            for client in [*at.resources[uri].clients]:
                client.tell(uri, place)

    async def repeat(self, link: Link, place: str) -> Collection[str]:
        """Subscribes again at a new link. Returns the resources, which may have changed. Raises LinkFailure."""
        at = self._at.get(place)
        return () if at is None else await at.subscriptions.repeat(link)

    def _added(self, client: Client, uris: Collection[str], *, is_moved: bool = False) -> Watched:
        """Notes that the client watches resources that it did not. Raises GatewayError if they are too many.

        If it `is_moved`, its link need not be there: it is told when it is.
        """
        who, own, backend = client.who, self._of_client.get(client, {}), self._current.backend
        if len(own) + len(uris) > MAX_OF_CLIENT:
            raise Unavailable(f"Too many watched resources: the limit of one session or stream is {MAX_OF_CLIENT}.")
        place = place_of(self._current, backend, client.connection)
        at = self._at.get(place)
        if at is None:
            at = Watched(Subscriptions(backend, place, lambda uris: self._missed(uris, place)))
        new = [uri for uri in uris if uri not in at.resources]
        self._places.take(who, len(new))
        try:
            at.used = at.used or backend.enter(place)
        except GatewayError:
            if not is_moved:
                self._places.give_back(who, len(new))
                raise
        self._at[place] = at
        self._of_client[client] = own | dict.fromkeys(uris, place)
        at.resources.update((uri, Resource(who)) for uri in new)
        at.subscriptions.wanted.update(new)
        for uri in uris:
            at.resources[uri].clients[client] = None
        return at

    def _leave(self, client: Client, uris: Collection[str]) -> asyncio.Task[None] | None:
        """Returns the task that tells the upstream; None if there is nothing to tell."""
        emptied = set()
        own = self._of_client.get(client, {})
        for uri in own.keys() & {*uris}:
            place = own.pop(uri)
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
            if self._current.backend.links(place):
                with suppress(MCPError):
                    await at.subscriptions.settle()
            else:  # a link that is away has forgotten everything
                at.subscriptions.forget()
            if not at.resources and self._at.get(place) is at:
                del self._at[place]
                at.leave()


async def _open(at: Watched, who: Caller) -> None:
    """Opens the link of a client, which is told then."""
    caller.set(who)
    with suppress(MCPError):
        await at.subscriptions.settle()
