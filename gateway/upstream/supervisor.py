"""Keeps one upstream server open: starts it, notices its end, and starts it again for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from gateway.cancellation import to_its_end
from gateway.errors import Unavailable
from gateway.upstream.link import Heard, Link, LinkFailure, Refusal
from gateway.upstream.starts import Starts
from gateway.upstream.states import Changes, Patience, State, tried_again

logger = logging.getLogger(__name__)
SUSTAINED = 60.0
"""Seconds for which a link must have been open, so that the pauses begin anew."""


class Supervisor:
    """`prepare` is awaited with each link before it is used. `kind` says in the log what it is.

    `reason` is why the server fails, `last_reason` why it failed last, for the log and for those who may see it.
    `in_use` counts requests, each of which ends with `leave`. `used_at` is the time of the last one, if it may be idle.
    """

    report: Mapping[str, Any] = {}

    def __init__(
        self,
        server: str,
        open_link: Callable[[Heard], Awaitable[Link]],
        heard: Heard,
        patience: Patience,
        *,
        prepare: Callable[[Link], Awaitable[None]],
        kind: str = "upstream server",
    ) -> None:
        self.state: State = "idle"
        self.reason = self.last_reason = ""
        self.starts = self.in_use = self._failures = 0
        self._server, self._open, self._heard = server, open_link, heard
        self._patience, self._prepare = patience, prepare
        self._link: Link | None = None
        self._refuses = self._is_over = False
        self.next_try = self.used_at = 0.0
        self._changes = Changes(server, kind)
        self._wanted = asyncio.Event()
        self._settled: asyncio.Event | None = None  # while somebody waits: an event is large, and servers are many

    async def link(self, after: Link | None = None) -> Link:
        """Returns the open link, and not `after` again, which has ended.

        Waits for the first start, and for one after the server was idle or has just ended.

        Raises:
            Unavailable: the server has failed, and is started again; or it has ended for good.
        """
        if self._patience.idle is not None:
            self.used_at = self._now()
        while (link := self._link) is None or link is after:
            if self._refuses or self._is_over:
                raise self._unavailable()
            self._wanted.set()
            self._settled = self._settled or asyncio.Event()
            await self._settled.wait()
        return link

    def leave(self) -> None:
        """Ends the use of a request."""
        self.in_use -= 1
        if self._patience.idle is not None:
            self.used_at = self._now()

    @property
    def links(self) -> Sequence[Link]:
        return () if self._link is None else (self._link,)

    def end(self) -> None:
        """Refuses the link from now on: nobody runs this any more."""
        self._is_over = True
        self._settle()

    async def run(self, starts: Starts) -> None:
        """Runs until it is cancelled, or given up. Then nothing of the server is left."""
        if not self._patience.is_lazy:
            self._wanted.set()
        while await self._is_wanted():
            was_open = await self._opened_once(starts)
            if self.state != "idle":
                await self._pause(was_open=was_open)

    async def _opened_once(self, starts: Starts) -> bool:
        """Opens a link and serves it to its end, of which nothing is kept. Returns False if it cannot be opened now."""
        self._become("starting")
        if (link := await self._tried(starts)) is None:
            return False
        opened = self._now()
        try:
            await self._serve(link)
        finally:
            self._link = None
            await to_its_end(link.close())
        if self.state == "idle" or self._now() - opened > SUSTAINED:
            self._failures = 0
        return True

    async def _is_wanted(self) -> bool:
        """Waits until somebody asks for a link. Returns False if nobody has for so long that the server is given up."""
        while self._patience.is_lazy and not self._wanted.is_set():
            left = self._idle_for()
            if left is not None and left <= 0:
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), left)
        return await self._wanted.wait()

    async def _tried(self, starts: Starts) -> Link | None:
        """Returns an open link; None, with the reason noted, if the server cannot be opened now."""
        try:
            return await self._start(starts)
        except TimeoutError:
            self.reason = f"it did not start within {self._patience.start:g} seconds"
        except (LinkFailure, Refusal) as exc:
            self.reason = str(exc)
        except Exception as exc:  # its answers may be anything
            logger.exception("an upstream server could not be opened", extra={"fields": {"server": self._server}})
            self.reason = f"its answers are not understood ({type(exc).__name__})"
        finally:
            starts.tried(self._server)
        return None

    async def _start(self, starts: Starts) -> Link:
        give_back = await starts.take()
        try:
            self.starts += 1
            async with asyncio.timeout(self._patience.start):
                link = await self._open(self._heard)
                try:
                    await self._prepare(link)
                except BaseException:  # whatever it is, the link is not used
                    await to_its_end(link.close())
                    raise
        finally:
            give_back()
        return link

    async def _serve(self, link: Link) -> None:
        """Lets callers use the link until it ends, or has been idle for long."""
        self._link, self.used_at = link, self._now()
        self._refuses, self.reason = False, ""
        self._become("ready")
        ended = asyncio.ensure_future(link.ended())
        try:
            while not ended.done():
                left = self._idle_for()
                if left is not None and left <= 0:
                    self._wanted.clear()
                    self._become("idle")
                    return
                await asyncio.wait((ended,), timeout=left)
            self.reason = ended.result()
        finally:
            ended.cancel()

    def _idle_for(self) -> float | None:
        """Returns the seconds after which the link is closed if nobody uses it; None if it never is."""
        if self._patience.idle is None or self.in_use:
            return self._patience.idle
        return self.used_at + self._patience.idle - self._now()

    async def _pause(self, *, was_open: bool) -> None:
        """Waits before the next start, longer after each failure. One that ended for the first time starts at once."""
        self.last_reason = self.reason
        self._failures += 1
        pause = self._patience.pause_after(self._failures, was_open=was_open)
        self._refuses, self.next_try = pause > 0, self._now() + pause
        if self._patience.is_lazy:
            self._wanted.clear()
        self._become("failing")
        await asyncio.sleep(pause)
        self._refuses = self._refuses and not self._patience.is_lazy

    def _become(self, state: State) -> None:
        self.state = state
        self._changes.log(state, self.reason, is_again=self._failures > 0)
        self._settle()

    def _settle(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set()

    def _unavailable(self) -> Unavailable:
        return tried_again(f"Server {self._server!r} is not running at the moment.", self.next_try - self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
