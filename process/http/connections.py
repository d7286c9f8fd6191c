"""The bounds of connections and of requests in arrival: of all, and of each address."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.address import counted_as, is_within, parse_address
from process.http.limits import FrontLimits

TURNED_AWAY = 32
"""Connections beyond the bound that are told so at the same time. Others are closed without an answer."""

CHECKED_IN = 8
"""Steps in which all connections are checked once, within a second."""

SEARCH_INTERVAL = 0.05
"""Seconds between two searches for a connection to close, if the first one found that all are busy."""

SHARE = 4
"""One address may have this part of the bytes in arrival: a quarter."""


class Connection(Protocol):
    """One open connection."""

    @property
    def is_busy(self) -> bool:
        """Tells if it has a request in progress, so that it must not be closed for another one."""
        ...

    def check(self) -> None:
        """Closes it if a deadline has passed. Called about once a second."""
        ...

    def give_way(self) -> None:
        """Closes it at once, for another one."""
        ...


class Upgraded:
    """Stands for a connection that has become a WebSocket, until it is closed. Its own protocol sees to the rest."""

    __slots__ = ("_connections", "_transport")
    is_busy = True

    def __init__(self, transport: asyncio.Transport, connections: Connections) -> None:
        self._transport = transport
        self._connections = connections

    def check(self) -> None:
        if self._transport.is_closing():
            self._connections.remove(self)

    def give_way(self) -> None:
        """Never called, as it is busy."""


class Share:
    """The connections and bytes in arrival that all, or one address, have and may have."""

    __slots__ = ("_search_at", "arriving", "max_arriving", "max_members", "members")

    def __init__(self, max_members: float, max_arriving: float) -> None:
        self.members: dict[Connection, None] = {}
        self.arriving = 0
        self.max_members = max_members
        self.max_arriving = max_arriving
        self._search_at = 0.0

    def make_room(self, now: float) -> bool:
        """Tells if there is room for one more, for which the oldest connection without a request is closed."""
        if len(self.members) < self.max_members:
            return True
        if now < self._search_at:
            return False
        busy = []
        for member in self.members:
            if not member.is_busy:
                break
            busy.append(member)
        else:
            self._search_at = now + SEARCH_INTERVAL
            return False
        for each in busy:  # to the end, so that the next search does not meet them again
            self.members[each] = self.members.pop(each)
        member.give_way()
        return True


class Connections:
    """All connections of this process. `now` is the time in seconds, as far as the loop has turned."""

    def __init__(self, limits: FrontLimits) -> None:
        self.limits = limits
        self.now = 0.0
        enough = limits.max_body + 2 * 64 * 1024  # the largest request, with its head
        self._all = Share(limits.max_connections, max(limits.max_body_total, enough))
        self._arriving_of_one = max(limits.max_body_total // SHARE, enough)
        self._unbounded = Share(float("inf"), float("inf"))
        self._shares: dict[str, Share] = {}
        self._share_of: dict[Connection, tuple[str, Share]] = {}
        self._turned_away: set[Connection] = set()
        shortest = min(limits.head_timeout, limits.body_timeout, limits.keep_alive, limits.write_timeout)
        self._interval = min(1.0, shortest / 4) / CHECKED_IN
        self._unchecked: list[Connection] = []
        self._checked_at_once = 1
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection, peer: str) -> bool:
        """Returns False if there is no room. The connection is to be answered and closed then."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(self._interval, self._tick)
        key, share = self._share(peer)
        if not (share.make_room(loop.time()) and self._all.make_room(loop.time())):
            self._turned_away.add(connection)
            return False
        self._put(connection, key, self._shares.setdefault(key, share) if key else share)
        return True

    @property
    def may_answer(self) -> bool:
        """Tells if one more connection that found no room may wait for its answer to be sent."""
        return len(self._turned_away) <= TURNED_AWAY

    def remove(self, connection: Connection) -> None:
        self._turned_away.discard(connection)
        found = self._share_of.pop(connection, None)
        if found is not None:
            key, share = found
            del self._all.members[connection], share.members[connection]
            if key and not share.members:
                del self._shares[key]

    def replace(self, old: Connection, new: Connection) -> None:
        """Gives the place of a connection to another object, which stands for it from now on."""
        found = self._share_of.get(old)
        self.remove(old)
        if found is not None:
            key, share = found
            self._put(new, key, self._shares.setdefault(key, share) if key else share)

    def hold(self, connection: Connection, size: int) -> bool:
        """Counts bytes that have arrived of an incomplete request. Returns False if they are too many."""
        shares = self._shares_of(connection)
        for share in shares:
            share.arriving += size
        return all(share.arriving <= share.max_arriving for share in shares)

    def release(self, connection: Connection, size: int) -> None:
        for share in self._shares_of(connection):
            share.arriving -= size

    def _shares_of(self, connection: Connection) -> tuple[Share, Share]:
        found = self._share_of.get(connection)
        return self._all, found[1] if found is not None else self._unbounded

    def _put(self, connection: Connection, key: str, share: Share) -> None:
        self._share_of[connection] = key, share
        self._all.members[connection] = share.members[connection] = None

    def _share(self, peer: str) -> tuple[str, Share]:
        """Returns the share of an address. A trusted proxy, and a client without an address, has none of its own."""
        address = parse_address(peer)
        if address is None or is_within(address, self.limits.trusted):
            return "", self._unbounded
        key = counted_as(address)
        found = self._shares.get(key)
        return key, found or Share(self.limits.max_connections_per_address, self._arriving_of_one)

    def _tick(self) -> None:
        """Checks a part of the connections. It holds up the loop for a millisecond where all would take ten."""
        # Not the clock's time: after a tool has blocked the loop, what arrived meanwhile is still to be read.
        self.now += self._interval
        if not self._unchecked:
            self._unchecked = [*self._share_of, *self._turned_away]
            self._checked_at_once = len(self._unchecked) // CHECKED_IN + 1
        for connection in self._unchecked[-self._checked_at_once :]:
            if connection in self._share_of or connection in self._turned_away:
                connection.check()
        del self._unchecked[-self._checked_at_once :]
        is_used = self._share_of or self._turned_away
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._tick) if is_used else None
