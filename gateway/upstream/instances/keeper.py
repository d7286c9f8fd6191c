"""Keeps the instances of one server open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.errors import Unavailable
from gateway.upstream.config import Upstream
from gateway.upstream.instances.balanced import Balanced
from gateway.upstream.instances.choice import Choice
from gateway.upstream.instances.instance import Instance
from gateway.upstream.instances.openings import InstanceOpenings
from gateway.upstream.instances.standing import Standing
from gateway.upstream.link import Heard, Keeper, Link, Opening, Params
from gateway.upstream.starts import Starts
from gateway.upstream.states import Patience, State, tried_again
from gateway.upstream.supervisor import Supervisor
from gateway.upstream.telling import PROMPTS_CHANGED, RESOURCES_CHANGED, TOOLS_CHANGED

Prepare = Callable[[Link], Awaitable[None]]
AnyOpening = Opening | InstanceOpenings
CHANGED = frozenset({TOOLS_CHANGED, PROMPTS_CHANGED, RESOURCES_CHANGED})


def keeper_of(server: str, entry: Upstream, opening: AnyOpening, heard: Heard, prepare: Prepare) -> Keeper:
    """Returns what keeps the router's own links of an entry open."""
    if isinstance(opening, InstanceOpenings):
        return Instances(server, entry, opening.each, heard, prepare)
    patience = Patience(entry.start_timeout, entry.idle)
    return Supervisor(server, opening, heard, patience, prepare=prepare)


class Instances:
    """The `Keeper` of several instances, each with a supervisor of its own. Its link is over all of theirs.

    `heard` gets what each of them tells, and `prepare` is awaited with each link before it is used.
    """

    def __init__(
        self, server: str, entry: Upstream, openings: Mapping[str, Opening], heard: Heard, prepare: Prepare
    ) -> None:
        self.in_use = 0
        self._server = server
        self._tell = heard
        self._prepare = prepare
        self._all: list[Instance] = []
        choice = Choice(self._all)
        for address, opening in openings.items():
            self._all.append(self._instance(address, opening, entry, Standing(choice.may_go, _now)))
        self._link = Balanced(self._all, choice, entry.idempotent, self._unavailable)

    async def link(self, after: Link | None = None) -> Link:
        """Returns the link over all. Waits for the first instance that is open, or until each has failed.

        Raises:
            Unavailable
        """
        if any(instance.lease for instance in self._all):
            return self._link
        waiting = [asyncio.ensure_future(instance.supervisor.link()) for instance in self._all]
        try:
            for opened in asyncio.as_completed(waiting):
                try:
                    await opened
                except Unavailable:
                    continue
                return self._link
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        raise self._unavailable()

    def leave(self) -> None:
        self.in_use -= 1

    def end(self) -> None:
        for instance in self._all:
            instance.supervisor.end()

    @property
    def links(self) -> Sequence[Link]:
        return [lease for instance in self._all for lease in instance.leases]

    @property
    def state(self) -> State:
        if any(instance.lease for instance in self._all):
            return "ready"
        return "starting" if any(not instance.supervisor.reason for instance in self._all) else "failing"

    @property
    def reason(self) -> str:
        """The reason of the first instance, while there is none to call."""
        return self._all[0].supervisor.reason if self.state == "failing" else ""

    @property
    def last_reason(self) -> str:
        """Nothing: each instance reports its own."""
        return ""

    @property
    def starts(self) -> int:
        return sum(instance.supervisor.starts for instance in self._all)

    @property
    def report(self) -> Mapping[str, Any]:
        return {"instances": [self._reported(instance) for instance in self._all]}

    async def run(self, starts: Starts) -> None:
        own = Starts(len(self._all))  # a connection is cheap: none waits for another
        running = [asyncio.ensure_future(instance.supervisor.run(own)) for instance in self._all]
        try:
            await self._tried(starts)
            await asyncio.wait(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            for instance in self._all:
                await instance.end()

    async def _tried(self, starts: Starts) -> None:
        try:
            await self.link()
        except Unavailable:
            pass
        finally:
            starts.tried(self._server)

    def _instance(self, address: str, opening: Opening, entry: Upstream, standing: Standing) -> Instance:
        def heard(method: str, params: Params) -> None:
            if method in CHANGED:
                self._link.newest = instance
            self._tell(method, params)

        async def prepare(link: Link) -> None:
            await self._prepare(link)
            self._link.newest = instance

        instance = Instance(
            self._server,
            address,
            opening,
            heard=heard,
            prepare=prepare,
            standing=standing,
            patience=entry.start_timeout,
            drain=entry.drain,
        )
        return instance

    def _reported(self, instance: Instance) -> Mapping[str, Any]:
        instance.freed()
        supervisor, standing = instance.supervisor, instance.standing
        until = standing.until if standing.aside else supervisor.next_try if instance.lease is None else 0.0
        left = until - _now()
        reason = standing.reason if standing.aside else supervisor.reason or supervisor.last_reason
        return {
            "address": instance.address,
            "state": instance.state,
            "inFlight": instance.in_flight,
            **({"ejectedUntil": _time(left)} if left > 0 else {}),
            **({"lastReason": reason} if reason else {}),
        }

    def _unavailable(self) -> Unavailable:
        next_try = min(instance.supervisor.next_try for instance in self._all)
        return tried_again(f"No instance of server {self._server!r} can be reached at the moment.", next_try - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()


def _time(left: float) -> str:
    """Returns the time in so many seconds, as in RFC 3339."""
    return (datetime.now(UTC) + timedelta(seconds=left)).isoformat(timespec="seconds").replace("+00:00", "Z")
