"""The instance that keeps the state of a session, or of a call that goes on with what its server gave."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from gateway.upstream.calls.kept import KEPT, Kept
from gateway.upstream.instances.instance import Instance
from gateway.upstream.instances.lease import Lease
from gateway.upstream.link import Origin, Params

EACH = 1000
"""Sessions, and states of calls, that are remembered for each instance. Those without a request for the longest time
are forgotten, and go to any instance."""


class Home:
    """The instance of one session. What the session wishes has been told to it on `told`."""

    __slots__ = ("instance", "kept", "told")

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.kept = Kept()
        self.told: Lease | None = None

    async def move_in(self, lease: Lease, session: str, origin: Origin) -> None:
        """Tells the wishes of the session again, which has come from another link."""
        if self.told is lease:
            return
        is_first, self.told = self.told is None, lease

        async def send(method: str, params: Params) -> None:
            await lease.request(method, params, session=session, origin=origin)

        if not is_first:
            await self.kept.repeat(send, _unheard)

    def note(self, method: str, params: Params) -> None:
        if method in KEPT:
            self.kept.note(method, params)


class Homes:
    """The homes of sessions, and the instances that gave the states of calls."""

    def __init__(self, instances: int) -> None:
        self._limit = EACH * instances
        self._homes: OrderedDict[str, Home] = OrderedDict()
        self._states: OrderedDict[bytes, Instance] = OrderedDict()

    def of(self, session: str) -> Home | None:
        home = self._homes.get(session)
        if home is not None:
            self._homes.move_to_end(session)
        return home

    def settle(self, session: str, instance: Instance) -> Home:
        """Gives a session its home."""
        home = self._homes[session] = Home(instance)
        if len(self._homes) > self._limit:
            self._homes.popitem(last=False)
        return home

    def asked_by(self, params: Params) -> Instance | None:
        """Returns the instance that gave the state with which a call goes on."""
        state = params.get("requestState")
        return self._states.get(_short(state)) if isinstance(state, str) else None

    def note_state(self, result: Mapping[str, Any], instance: Instance) -> None:
        """Notes the state of a call that asks for input."""
        state = result.get("requestState")
        if isinstance(state, str):
            self._states[_short(state)] = instance
            if len(self._states) > self._limit:
                self._states.popitem(last=False)


def _short(state: str) -> bytes:
    """Returns the hash of a state, which may be as long as a message."""
    return blake2b(state.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _unheard(method: str, params: Params) -> None:
    """Hears of nothing: sessions watch no resources at their instance by themselves."""
