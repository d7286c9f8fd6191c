"""The links to one upstream server, and which of them a request takes: one for all, or one for each client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, ShareExceeded, Unavailable
from gateway.places import Places, part
from gateway.upstream.link import Keeper, Link
from gateway.upstream.starts import Starts
from gateway.upstream.supervisor import Supervisor

OWN = ""
"""The place of the router's own link."""

_KIND = "processes of this server"
Sharing = Literal["shared", "caller", "session"]
Make = Callable[[str, Caller], Supervisor]
"""Makes the supervisor of the link at a place, which is for a caller."""


class Pool(Protocol):
    """Links by place: one is that of a caller, or of a session."""

    def place(self, session: str) -> str:
        """Returns the place of a request in `session` of the present caller."""

    def enter(self, place: str) -> Keeper:
        """Returns the keeper of the link there, in use until its `leave` is called.

        Raises:
            Unavailable, ShareExceeded: there are too many links.
        """

    def begin(self, starts: Starts) -> None:
        """Begins to open links. Called once, before `enter`."""

    def links(self, place: str) -> Sequence[Link]:
        """Returns the links there that are open: one for each instance of the server."""

    def leave(self, session: str) -> None:
        """Ends what is kept for a session that is over: its link, or its part of one."""

    @property
    def open_links(self) -> int | None:
        """The number of links that are open; None if there is never more than one."""

    async def close(self) -> None:
        """Ends all links but the router's own."""


class OneForAll:
    """All requests take the router's own link."""

    def __init__(self, own: Keeper) -> None:
        self._own = own

    def place(self, session: str) -> str:
        return OWN

    def enter(self, place: str) -> Keeper:
        self._own.in_use += 1
        return self._own

    def begin(self, starts: Starts) -> None:
        """Has nothing to begin."""

    def links(self, place: str) -> Sequence[Link]:
        return self._own.links

    def leave(self, session: str) -> None:
        for link in self._own.links:
            link.leave(session)

    @property
    def open_links(self) -> None:
        return None

    async def close(self) -> None:
        """Has nothing to end."""


@dataclass(eq=False, slots=True)
class _Held:
    supervisor: Supervisor
    who: Caller
    task: asyncio.Task[None] = field(init=False)


class OneForEach:
    """Requests of clients take the link of their caller, or of their session; `own` is for the lists alone.

    There are at most `limit` links of clients, and one caller has at most `share` of them. If there are as many, the
    one ends that nobody has used for the longest time.
    """

    def __init__(self, own: Keeper, make: Make, *, by_session: bool, limit: int, share: float) -> None:
        self._own = own
        self._make = make
        self._by_session = by_session
        self._held: dict[str, _Held] = {}
        self._places = Places(limit, part(limit, share), _KIND)
        self._links = asyncio.Semaphore(limit)
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts: Starts | None = None

    def begin(self, starts: Starts) -> None:
        self._starts = starts

    def place(self, session: str) -> str:
        return session if self._by_session else caller.get().key

    def enter(self, place: str) -> Keeper:
        supervisor: Keeper
        if place == OWN:
            supervisor = self._own
        elif place in self._held:
            supervisor = self._held[place].supervisor
        else:
            supervisor = self._added(place)
        supervisor.in_use += 1
        return supervisor

    def links(self, place: str) -> Sequence[Link]:
        if place == OWN:
            return self._own.links
        return self._held[place].supervisor.links if place in self._held else ()

    def leave(self, session: str) -> None:
        if self._by_session and session in self._held:  # the process of a caller keeps nothing by session
            self._drop(session)

    @property
    def open_links(self) -> int:
        return sum(map(len, [self._own.links, *(held.supervisor.links for held in self._held.values())]))

    async def close(self) -> None:
        self._starts = None
        for place in [*self._held]:
            self._drop(place)
        while self._tasks:
            await asyncio.wait([*self._tasks])

    def _added(self, place: str) -> Supervisor:
        if self._starts is None:
            raise Unavailable("The server is closed.")
        who = caller.get()
        self._make_room(who)
        held = self._held[place] = _Held(self._make(place, who), who)
        held.task = asyncio.get_running_loop().create_task(self._run(place, held, self._starts))
        self._tasks.add(held.task)
        held.task.add_done_callback(self._tasks.discard)
        return held.supervisor

    def _make_room(self, who: Caller) -> None:
        """Takes a place for a caller. Raises Unavailable or ShareExceeded if every link that could end is in use."""
        refusal: GatewayError
        try:
            self._places.take(who)
            return
        except ShareExceeded as exc:
            refusal, key = exc, who.key
        except Unavailable as exc:
            refusal, key = exc, ""
        idle = [place for place, held in self._held.items() if key in ("", held.who.key) and not held.supervisor.in_use]
        if not idle:
            raise refusal
        self._drop(min(idle, key=lambda place: self._held[place].supervisor.used_at))
        self._places.take(who)

    def _drop(self, place: str) -> None:
        held = self._held[place]
        self._forget(place, held)
        held.task.cancel()

    async def _run(self, place: str, held: _Held, starts: Starts) -> None:
        try:
            async with self._links:  # one that is being ended counts until its process is gone
                await held.supervisor.run(starts)
        finally:
            if self._held.get(place) is held:
                self._forget(place, held)

    def _forget(self, place: str, held: _Held) -> None:
        del self._held[place]
        self._places.give_back(held.who)
        held.supervisor.end()


def pool_of(sharing: Sharing, own: Keeper, make: Make, limit: int, share: float) -> Pool:
    """Returns the pool of an entry, whose own link is that of `own`. The rest is as `OneForEach` says."""
    if sharing == "shared":
        return OneForAll(own)
    return OneForEach(own, make, by_session=sharing == "session", limit=limit, share=share)
