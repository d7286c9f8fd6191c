"""The way from the front to an upstream: its supervisor, its tools, and one request at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.call import ToolCall
from gateway.caller import caller
from gateway.errors import CallTimeout
from gateway.upstream.config import Upstream
from gateway.upstream.link import Identity, Link, LinkFailure, Opening, Params, Refusal, Report
from gateway.upstream.listing import Listing
from gateway.upstream.pins.checks import Checks
from gateway.upstream.results import failed
from gateway.upstream.starts import Starts
from gateway.upstream.supervisor import Patience, Supervisor
from gateway.upstream.tools import UpstreamTool, list_all

logger = logging.getLogger(__name__)
FAILING = 3
"""Requests in a row without an answer, after which a server whose link is open is said to fail."""

BATCH = 0.25
"""Seconds in which several notifications of a changed list become one new list."""

TOOLS_CHANGED = "notifications/tools/list_changed"


class Backend:
    """`opened` is called with what each new link says of the server, and `told` with each of its notifications.

    `tools` are those that were listed last; `told` hears `TOOLS_CHANGED` after they have changed.
    """

    def __init__(
        self,
        name: str,
        entry: Upstream,
        opening: Opening,
        *,
        opened: Callable[[Identity], None],
        told: Callable[[str, Params], Awaitable[None]],
        pins: Checks | None = None,
    ) -> None:
        self.listing = Listing(entry, pins, partial(told, TOOLS_CHANGED, {}))
        self.tools = self.listing.tools
        self._name = name
        self._opening = opening
        self._opened = opened
        self._told = told
        patience = Patience(entry.start_timeout, entry.idle_timeout)
        self._supervisor = Supervisor(name, opening, self._heard, patience, prepare=self._prepare)
        self._timeout = entry.timeout
        self._is_listed = False
        self._failures = 0
        self._failure = ""
        self._stale: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, starts: Starts) -> None:
        """Begins to open the server, and to keep it open."""
        self._begin(self._supervisor.run(starts))
        self._begin(self.listing.follow())

    async def close(self) -> None:
        """Ends what `begin` began. Nothing of the server is left then."""
        if self._stale is not None:
            self._stale.cancel()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._opening.close()

    @property
    def status(self) -> Mapping[str, Any]:
        supervisor = self._supervisor
        word, reason = "ok" if supervisor.state == "ready" else supervisor.state, supervisor.reason
        if word == "ok" and self._failures >= FAILING:
            word, reason = "failing", self._failure
        found: dict[str, Any] = {"status": word, "starts": supervisor.starts}
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

    async def request(
        self, method: str, params: Params, report: Report | None, session: str | None = None
    ) -> dict[str, Any]:
        """Sends one request in `session`, by default the caller's own.

        Raises:
            GatewayError, or Refusal if the server answers with an error.
        """
        session = session or caller.get().key
        link = await self._supervisor.link()
        while True:
            self._supervisor.in_use += 1
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await link.request(method, params, report, session=session)
                self._failures = 0
                return answer
            except Refusal:
                self._failures = 0
                raise
            except TimeoutError as exc:
                raise CallTimeout(self._timeout or 0) from exc
            except LinkFailure as exc:
                if not exc.is_over:
                    self._failures, self._failure = self._failures + 1, str(exc)
                    logger.warning("%s failed: %s", method, exc, extra={"fields": {"server": self._name}})
                    raise failed(exc) from exc
            finally:
                self._supervisor.in_use -= 1
            link = await self._supervisor.link(after=link)

    async def _prepare(self, link: Link) -> None:
        """Takes over what a new link says of the server. Raises LinkFailure, or Refusal."""
        self._opened(link.identity)
        await self._list(link)

    async def _list(self, link: Link) -> None:
        has_tools = isinstance(link.identity.capabilities.get("tools"), dict)
        found = await list_all(link, "tools/list", "tools") if has_tools else []
        await self.listing.take(found)
        self._is_listed = True

    def _heard(self, method: str, params: Params) -> None:
        """Takes a notification of the server."""
        if method != TOOLS_CHANGED:
            self._begin(self._told(method, params))
        elif self._stale is None:
            self._stale = asyncio.get_running_loop().call_later(BATCH, self._begin_list)

    def _begin_list(self) -> None:
        self._stale = None
        self._begin(self._list_again())

    async def _list_again(self) -> None:
        with suppress(LinkFailure, Refusal):  # a failing link lists its tools again when it is back
            await self._list(await self._supervisor.link())

    def _begin(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
