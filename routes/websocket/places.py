"""Places of open WebSockets: those of callers, and a few more for clients that have not authenticated yet."""

from __future__ import annotations

from collections.abc import Callable

from gateway.caller import Caller
from gateway.places import Places


class SocketPlaces:
    """`known` are for callers; `strangers` are for connections without a credential while authentication is on.

    A stranger's place goes to the next stranger if there is no other: the one that has waited longest gives way, so
    that connections that never authenticate cannot shut out those that do.
    """

    def __init__(self, known: Places, strangers: Places) -> None:
        self._known = known
        self._strangers = strangers
        self._waiting: dict[SocketPlace, Callable[[], None]] = {}

    def take(self, who: Caller) -> SocketPlace:
        """Raises ShareExceeded, or Unavailable if all places are taken."""
        places = self.of(who)
        if places is self._strangers and places.is_full:
            self._give_way()
        places.take(who)
        return SocketPlace(self, places, who)

    def of(self, who: Caller) -> Places:
        return self._strangers if who.is_anonymous else self._known

    def waits(self, place: SocketPlace, give_way: Callable[[], None]) -> None:
        """Notes an open connection of a stranger; `give_way` closes it."""
        self._waiting[place] = give_way

    def forget(self, place: SocketPlace) -> None:
        self._waiting.pop(place, None)

    def _give_way(self) -> None:
        if self._waiting:
            place, give_way = next(iter(self._waiting.items()))
            place.leave()
            give_way()


class SocketPlace:
    """The place of one connection, which changes hands when the client authenticates."""

    def __init__(self, all_places: SocketPlaces, places: Places, who: Caller) -> None:
        self._all = all_places
        self._places = places
        self._who = who
        self._is_left = False

    def move(self, who: Caller) -> None:
        """Makes it a place of `who`. Raises ShareExceeded or Unavailable, and then it stays what it was."""
        if self._is_left or (who.name == self._who.name and who.is_anonymous == self._who.is_anonymous):
            return
        places = self._all.of(who)
        places.take(who)
        self._give_back()
        self._places, self._who = places, who

    def leave(self) -> None:
        """Gives the place back. Does nothing the second time."""
        if not self._is_left:
            self._is_left = True
            self._give_back()

    def _give_back(self) -> None:
        self._all.forget(self)
        self._places.give_back(self._who)
