"""The way from the front to an upstream: its links, its tools, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from gateway.call import ToolCall
from gateway.upstream.config import Upstream
from gateway.upstream.link import Heard, Identity, Link, LinkFailure, Opening, Params, Refusal
from gateway.upstream.listing import Listing
from gateway.upstream.pins.checks import Checks
from gateway.upstream.pool import OWN, pool_of
from gateway.upstream.requests import Requests
from gateway.upstream.starts import Starts
from gateway.upstream.states import Patience
from gateway.upstream.supervisor import Supervisor
from gateway.upstream.telling import OF_RESOURCES, TOLD, Telling, Told
from gateway.upstream.tools import UpstreamTool, list_all

BATCH = 0.25
"""Seconds in which several notifications of a changed list become one new list."""

TOOLS_CHANGED = "notifications/tools/list_changed"


class Backend:
    """`opened` is called with what the router's own link says of the server, and `told` with each notification of a
    link, `heard` with each of the router's own. `repeat` tells a new link at a place what the one before was told. One
    caller may have `share` of the links.

    `tools` are those that were listed last; `told` hears `TOOLS_CHANGED` after they have changed.
    """

    def __init__(
        self,
        name: str,
        entry: Upstream,
        opening: Opening,
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
        self._name = name
        self._opening = opening
        self._opened = opened
        self._repeat = repeat
        patience = Patience(entry.start_timeout, entry.idle)
        self._tell_others = heard
        own = self._supervisor = Supervisor(name, opening, self._heard, patience, prepare=self._prepare)
        self._patience = replace(patience, is_lazy=True)
        self._kind = f"process of a {entry.process}"
        self._pool = pool_of(entry.process, own, self._supervisor_at, entry.max_processes, share)
        self.place, self.open_link, self.drop = self._pool.place, self._pool.open_link, self._pool.drop
        self.enter = self._pool.enter
        self._requests = Requests(name, self._pool, entry.timeout)
        self.request, self.is_modern = self._requests.request, self._requests.is_modern
        self._is_listed = False
        self._telling = Telling(told, self._begin)
        self._stale: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, starts: Starts) -> None:
        """Begins to open the server, and to keep it open."""
        self._pool.begin(starts)
        self._begin(self._supervisor.run(starts))
        self._begin(self.listing.follow())

    async def close(self) -> None:
        """Ends what `begin` began. Nothing of the server is left then."""
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
        found: dict[str, Any] = {"status": word, "starts": supervisor.starts}
        if links is not None:
            found["processes"] = links
        last = {"lastReason": supervisor.last_reason} if supervisor.last_reason else {}
        return self.listing.reported(found | ({"reason": reason} if reason else last))

    async def listed(self) -> None:
        """Waits until the tools were listed once. Raises Unavailable if that has failed."""
        if not self._is_listed:
            await self._supervisor.link()

    async def found_late(self, call: ToolCall) -> UpstreamTool | None:
        """Returns the tool of a call that came before the tools were known; None if it is unknown then, too."""
        if self._is_listed:
            return None
        await self._supervisor.link()
        return self.tools.find(call.tool)

    def hear(self, method: str, params: Params) -> None:
        """Takes a notification of the server, which may have come to another process."""
        if method in TOLD:
            self._telling.tell(method, params, OWN)
        elif method == TOOLS_CHANGED and self._stale is None:
            self._stale = asyncio.get_running_loop().call_later(BATCH, self._begin_list)

    def _supervisor_at(self, place: str) -> Supervisor:
        """Returns the supervisor of a link that is a caller's or a session's own."""

        def heard(method: str, params: Params) -> None:
            if method in OF_RESOURCES:
                self._telling.tell(method, params, place)

        async def prepare(link: Link) -> None:
            await self._repeat(link, place)

        return Supervisor(self._name, self._opening, heard, self._patience, prepare=prepare, kind=self._kind)

    async def _prepare(self, link: Link) -> None:
        """Takes over what a new link says of the server. Raises LinkFailure, or Refusal."""
        self._opened(link.identity)
        await self._list(link)
        await self._repeat(link, OWN)

    async def _list(self, link: Link) -> None:
        has_tools = isinstance(link.identity.capabilities.get("tools"), dict)
        found = await list_all(link, "tools/list", "tools") if has_tools else []
        await self.listing.take(found)
        self._is_listed = True

    def _heard(self, method: str, params: Params) -> None:
        self._tell_others(method, params)
        self.hear(method, params)

    def _begin_list(self) -> None:
        self._stale = None
        self._begin(self._list_again())

    async def _list_again(self) -> None:
        if (link := self._supervisor.open_link) is not None:  # the next link lists its tools at its opening
            with suppress(LinkFailure, Refusal):
                await self._list(link)

    def _begin(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
