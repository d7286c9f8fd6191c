"""Keeps one upstream server open: starts it, notices its end, and starts it again for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from gateway.errors import Unavailable
from gateway.upstream.link import Heard, Link, LinkFailure, Opening, Refusal
from gateway.upstream.starts import Starts

logger = logging.getLogger(__name__)
State = Literal["idle", "starting", "ready", "failing"]
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
SUSTAINED = 60.0
"""Seconds for which a link must have been open, so that the pauses begin anew."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a start may take, and that a link may be without a request until it is closed; None for ever."""

    start: float
    idle: float | None


class Supervisor:
    """`prepare` is awaited with each link before it is used, and `changed` called at each change of `state`.

    `reason` is why the server fails, `last_reason` why it failed last, for the log and for those who may see it.
    """

    def __init__(
        self,
        server: str,
        open_link: Opening,
        heard: Heard,
        patience: Patience,
        *,
        prepare: Callable[[Link], Awaitable[None]],
    ) -> None:
        self.state: State = "idle"
        self.reason = self.last_reason = ""
        self.starts = 0
        self.in_use = 0
        self._server = server
        self._open = open_link
        self._heard = heard
        self._patience = patience
        self._prepare = prepare
        self._link: Link | None = None
        self._failures = 0
        self._refuses = False
        self._next_try = 0.0
        self._used_at = 0.0
        self._news = ("", "")
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()

    async def link(self, after: Link | None = None) -> Link:
        """Returns the open link, and not `after` again, which has ended.

        Waits for the first start, and for one after the server was idle or has just ended.

        Raises:
            Unavailable: the server has failed, and is started again.
        """
        self._used_at = self._now()
        while (link := self._link) is None or link is after:
            if self._refuses:
                raise self._unavailable()
            self._wanted.set()
            self._settled.clear()
            await self._settled.wait()
        return link

    async def run(self, starts: Starts) -> None:
        """Runs until it is cancelled. Then nothing of the server is left."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._become("starting")
            link = await self._tried(starts)
            if link is None:
                await self._pause()
                continue
            opened = self._now()
            try:
                await self._serve(link)
            finally:
                self._link = None
                await asyncio.shield(link.close())
            if self.state == "idle" or self._now() - opened > SUSTAINED:
                self._failures = 0
            if self.state != "idle":
                await self._pause(was_open=True)

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
                    await asyncio.shield(link.close())
                    raise
        finally:
            give_back()
        return link

    async def _serve(self, link: Link) -> None:
        """Lets callers use the link until it ends, or has been idle for long."""
        self._link = link
        self._refuses = False
        self.reason = ""
        self._used_at = self._now()
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
        if self._patience.idle is None:
            return None
        if self.in_use:
            return self._patience.idle
        return self._used_at + self._patience.idle - self._now()

    async def _pause(self, was_open: bool = False) -> None:
        """Waits before the next start, longer after each failure. One that ended for the first time starts at once."""
        self.last_reason = self.reason
        self._failures += 1
        longest = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        pause = 0.0 if was_open and self._failures == 1 else longest * random.uniform(0.8, 1.2)  # noqa: S311
        self._refuses = pause > 0
        self._next_try = self._now() + pause
        self._become("failing")
        await asyncio.sleep(pause)

    def _become(self, state: State) -> None:
        """Logs each change once: a server that fails again for the same reason is no news."""
        self.state = state
        news = (state, self.reason)
        is_news = news != self._news and not (state == "starting" and self._failures)
        self._news = news if is_news else self._news
        level = logging.DEBUG if not is_news else logging.WARNING if state == "failing" else logging.INFO
        fields = {"fields": {"server": self._server, **({"reason": self.reason} if self.reason else {})}}
        logger.log(level, "upstream server is %s", state, extra=fields)
        self._settled.set()

    def _unavailable(self) -> Unavailable:
        refused = Unavailable(f"Server {self._server!r} is not running at the moment.")
        refused.retry_after = max(1, round(self._next_try - self._now()))
        return refused

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
