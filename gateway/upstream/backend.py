"""The way from the front to an upstream: its supervisor, its tools, and one request at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from mcp_types import INVALID_PARAMS

from gateway.call import ToolCall
from gateway.caller import caller
from gateway.errors import CallTimeout
from gateway.upstream.calls.questions import pausing
from gateway.upstream.config import Upstream
from gateway.upstream.link import Identity, Link, LinkFailure, Opening, Origin, Params, Refusal, Report
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
TOLD = frozenset(
    {"notifications/prompts/list_changed", "notifications/resources/list_changed", "notifications/resources/updated"}
)
"""The other notifications that clients are told of."""

MAX_TELLING = 1000
"""Different notifications on their way to clients at the same time. Further ones are dropped."""


class Backend:
    """`opened` is called with what each new link says of the server, and `told` with each of its notifications.
    `repeat` tells a new link what the one before was told.

    `tools` are those that were listed last; `told` hears `TOOLS_CHANGED` after they have changed.
    """

    def __init__(
        self,
        name: str,
        entry: Upstream,
        opening: Opening,
        *,
        opened: Callable[[Identity], None],
        repeat: Callable[[Link], Awaitable[None]],
        told: Callable[[str, Params], Awaitable[None]],
        pins: Checks | None = None,
    ) -> None:
        self.listing = Listing(entry, pins, partial(told, TOOLS_CHANGED, {}))
        self.tools = self.listing.tools
        self._name = name
        self._opening = opening
        self._opened = opened
        self._repeat = repeat
        self._told = told
        patience = Patience(entry.start_timeout, entry.idle_timeout)
        self._supervisor = Supervisor(name, opening, self._heard, patience, prepare=self._prepare)
        self._timeout = entry.timeout
        self._is_listed = False
        self._failures = 0
        self._failure = ""
        self._telling: set[tuple[str, str]] = set()
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
        for task in [*self._tasks]:
            task.cancel()
        while self._tasks:
            await asyncio.wait([*self._tasks])
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

    async def is_modern(self) -> bool:
        """Returns True if the server asks by its results. Raises Unavailable if it cannot be reached."""
        return (await self._supervisor.link()).identity.is_modern

    async def request(
        self, method: str, params: Params, report: Report | None, *, session: str | None = None, origin: Origin
    ) -> dict[str, Any]:
        """Sends one request of `origin` in `session`, by default the caller's own.

        Raises:
            GatewayError, or Refusal if the server answers with an error.
        """
        session = caller.get().key if session is None else session
        link = await self._supervisor.link()
        if "requestState" in params and not link.identity.is_modern:  # no server of that era has given it
            raise Refusal(INVALID_PARAMS, "Invalid or expired requestState", {"reason": "invalid_request_state"})
        while True:
            self._supervisor.in_use += 1
            try:
                async with asyncio.timeout(self._timeout) as limit:
                    own = origin if self._timeout is None else pausing(origin, limit)
                    answer = await link.request(method, params, report, session=session, origin=own)
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
        await self._repeat(link)

    async def _list(self, link: Link) -> None:
        has_tools = isinstance(link.identity.capabilities.get("tools"), dict)
        found = await list_all(link, "tools/list", "tools") if has_tools else []
        await self.listing.take(found)
        self._is_listed = True

    def _heard(self, method: str, params: Params) -> None:
        """Takes a notification of the server."""
        if method in TOLD:
            self._tell_once(method, params)
        elif method == TOOLS_CHANGED and self._stale is None:
            self._stale = asyncio.get_running_loop().call_later(BATCH, self._begin_list)

    def _tell_once(self, method: str, params: Params) -> None:
        """Tells the clients, unless they are being told the same: a flood of one notification becomes one."""
        key = (method, str(params.get("uri", "")))
        if key in self._telling or len(self._telling) >= MAX_TELLING:
            return
        self._telling.add(key)

        async def tell() -> None:
            try:
                await self._told(method, params)
            finally:
                self._telling.discard(key)

        self._begin(tell())

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
