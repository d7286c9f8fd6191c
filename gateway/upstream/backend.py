"""The way from the front to an upstream: its links, its tools, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.caller import Caller
from gateway.errors import GatewayError
from gateway.upstream.config import Upstream
from gateway.upstream.instances.keeper import AnyOpening, keeper_of
from gateway.upstream.instances.openings import InstanceOpenings
from gateway.upstream.link import Heard, Identity, Link, LinkFailure, Params, Refusal
from gateway.upstream.listing import Listing
from gateway.upstream.pins.checks import Checks
from gateway.upstream.pool import OWN, pool_of
from gateway.upstream.requests import Requests
from gateway.upstream.starts import Starts
from gateway.upstream.states import Patience
from gateway.upstream.stdio.opening import StdioOpening
from gateway.upstream.supervisor import Supervisor
from gateway.upstream.telling import TOLD, TOOLS_CHANGED, UPDATED, Telling, Told
from gateway.upstream.tools import list_all

BATCH = 0.25
"""Seconds in which several notifications of a changed list become one new list."""


class Backend:
    """`opened` is called with what the router's own link says of the server, and `told` with each notification of a
    link, `heard` with each of the router's own. `repeat` tells a new link at a place what the one before was told. One
    caller may have `share` of the links.

    `tools` are those that were listed last; `told` hears `TOOLS_CHANGED` after they have changed. `identity` is what
    the server said of itself when it was opened last. `is_listed` is True when tools were listed once. `in_flight`
    counts what must end before the backend can, within `drain` seconds if the entry says so.
    """

    def __init__(
        self,
        name: str,
        entry: Upstream,
        opening: AnyOpening,
        *,
        opened: Callable[[Identity], None],
        repeat: Callable[[Link, str], Awaitable[None]],
        told: Told,
        heard: Heard,
        pins: Checks | None = None,
        share: float = 1.0,
    ) -> None:
        self.listing = Listing(entry, pins, partial(told, TOOLS_CHANGED, {}, OWN))
        self.tools = self.listing.tools
        self.identity: Identity | None = None
        self.drain = entry.drain if entry.instances else None
        self._name = name
        self._opening = opening
        self._opened = opened
        self._repeat = repeat
        self._tell_others = heard
        own = self._supervisor = keeper_of(name, entry, opening, self._heard, self._prepare)
        self._patience = Patience(entry.start_timeout, entry.idle, is_lazy=True)
        self._kind = f"process of a {entry.process}"
        self._pool = pool_of(entry.process, own, self._supervisor_at, entry.max_processes, share)
        self.place, self.links, self.leave = self._pool.place, self._pool.links, self._pool.leave
        self.enter = self._pool.enter
        self._requests = Requests(name, self._pool, entry.timeout)
        self.request, self.is_modern = self._requests.request, self._requests.is_modern
        self.in_flight = self._requests.in_flight
        self.is_listed = False
        self._telling = Telling(told, self._begin)
        self._stale: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def begin(self, starts: Starts) -> None:
        """Begins to open the server, and to keep it open."""
        self._pool.begin(starts)
        self._begin(self._supervisor.run(starts))
        self._begin(self.listing.follow())

    async def close(self) -> None:
        """Ends what `begin` began. Nothing of the server is left then. May be called again, also meanwhile."""
        if not self._is_closing:  # whoever is cancelled twice leaves something behind
            self._is_closing = True
            self._supervisor.end()
            if self._stale is not None:
                self._stale.cancel()
            for task in [*self._tasks]:
                task.cancel()
        await self._pool.close()
        while self._tasks:
            await asyncio.wait([*self._tasks])
        self._opening.close()

    @property
    def status(self) -> Mapping[str, Any]:
        supervisor = self._supervisor
        links = self._pool.open_links
        is_ok = supervisor.state == "ready" or (supervisor.state == "idle" and bool(links))
        word, reason = "ok" if is_ok else supervisor.state, supervisor.reason
        if word == "ok" and (failure := self._requests.failure):
            word, reason = "failing", failure
        found: dict[str, Any] = {"status": word, "starts": supervisor.starts, **supervisor.report}
        if links is not None:
            found["processes"] = links
        last = {"lastReason": supervisor.last_reason} if supervisor.last_reason else {}
        return self.listing.reported(found | ({"reason": reason} if reason else last))

    @property
    def serves(self) -> bool:
        """True if the tools are known and the server is not failing."""
        return self.is_listed and self._supervisor.state != "failing"

    def promises(self, capability: str) -> bool:
        """Returns True if the server has said that it has this capability."""
        return self.identity is not None and isinstance(self.identity.capabilities.get(capability), dict)

    async def listed(self) -> None:
        """Waits until the tools were listed once. Raises Unavailable if that has failed."""
        if not self.is_listed:
            await self._supervisor.link()

    def hear(self, method: str, params: Params) -> None:
        """Takes a notification of the server, which may have come to another process."""
        if method in TOLD:
            self._telling.tell(method, params, OWN)
        elif method == TOOLS_CHANGED and self._stale is None:
            self._stale = asyncio.get_running_loop().call_later(BATCH, self._begin_list)

    def _supervisor_at(self, place: str, who: Caller) -> Supervisor:
        """Returns the supervisor of a link that is a caller's or a session's own."""

        def heard(method: str, params: Params) -> None:
            if method == UPDATED:
                self._telling.tell(method, params, place)

        async def prepare(link: Link) -> None:
            await self._repeat(link, place)

        assert not isinstance(self._opening, InstanceOpenings)  # they are no processes
        opening = self._opening.of(who) if isinstance(self._opening, StdioOpening) else self._opening
        return Supervisor(self._name, opening, heard, self._patience, prepare=prepare, kind=self._kind)

    async def _prepare(self, link: Link) -> None:
        """Takes over what a new link says of the server. Raises LinkFailure, or Refusal."""
        self.identity = link.identity
        self._opened(link.identity)
        await self._list(link)
        await self._repeat(link, OWN)

    async def _list(self, link: Link) -> None:
        has_tools = isinstance(link.identity.capabilities.get("tools"), dict)
        found = await list_all(link, "tools/list", "tools") if has_tools else []
        await self.listing.take(found)
        self.is_listed = True

    def _heard(self, method: str, params: Params) -> None:
        self._tell_others(method, params)
        self.hear(method, params)

    def _begin_list(self) -> None:
        self._stale = None
        self._begin(self._list_again())

    async def _list_again(self) -> None:
        if self._supervisor.links:  # the next link lists its tools at its opening
            with suppress(GatewayError, LinkFailure, Refusal):
                await self._list(await self._supervisor.link())

    def _begin(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
