"""Opens a link to a child: starts it, finds out which protocol it speaks, and introduces us."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.caller import Caller
from gateway.cancellation import to_its_end
from gateway.sdk.asking.asking_call import CAPABILITIES
from gateway.upstream.config import Upstream
from gateway.upstream.expand import CALLER_ID, id_in_texts
from gateway.upstream.introduction import CLIENT, identity_of
from gateway.upstream.link import LEGACY, MODERN, Heard, Identity, LinkFailure, Params, Refusal
from gateway.upstream.stdio.command import command_of
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.link import StdioLink
from gateway.upstream.stdio.memory import Memory

T = TypeVar("T")
INITIALIZED: tuple[str, Params] = "notifications/initialized", {}
PROBE = 5.0
"""Seconds after which a child that has not answered `server/discover` gets `initialize`, too."""


class StdioOpening:
    """Opens links for one entry. It asks once which protocol is spoken: old servers log a page for the question.

    A start that ends without an answer may be that of a server which the question has stopped: the next start does not
    ask, and the one after that does.

    `kept` takes the lines of its standard error.
    """

    def __init__(
        self,
        server: str,
        entry: Upstream,
        environ: Mapping[str, str],
        leash: Leash,
        memory: Memory,
        *,
        kept: deque[str] | None = None,
    ) -> None:
        self._kept = kept
        self._server = server
        self._entry = entry
        self._environ = environ
        self._leash = leash
        self._memory = memory
        self._era = entry.era
        self._was_mute = False

    async def __call__(self, heard: Heard) -> StdioLink:
        return await self._opened("", heard)  # the router's own: it is nobody's

    def of(self, who: Caller) -> Callable[[Heard], Awaitable[StdioLink]]:
        """Returns the opening of a caller's own processes."""
        return partial(self._opened, who.name)

    async def _opened(self, caller: str | None, heard: Heard) -> StdioLink:
        link = await self._started(caller, heard)
        try:
            if self._was_mute:  # or slow: what it speaks is asked at its next start
                self._was_mute = False
                link.identity = await _initialize(link)
                return link
            try:
                link.identity = await self._introduced(link)
            except _Ended:
                await link.close(patience=0)
                link = await self._started(caller, heard)
                link.identity = await _initialize(link)
            self._era = "modern" if link.identity.is_modern else "legacy"
            return link
        except BaseException as exc:  # whatever it is, nothing of this link may be left
            await to_its_end(link.close(patience=0))
            if isinstance(exc, Refusal):
                raise LinkFailure(f"it refuses to be opened: {exc.message}", was_sent=False) from exc
            raise

    def close(self) -> None:
        self._leash.close_if_idle()

    async def _started(self, caller: str | None, heard: Heard) -> StdioLink:
        named = {} if caller is None else {CALLER_ID: id_in_texts(caller)}
        link = StdioLink(self._server, self._entry.max_message, heard, self._kept)
        limit = None if self._entry.image else self._entry.max_memory  # a container has its own limit
        await link.start(command_of(self._entry, {**self._environ, **named}), self._leash, self._memory, limit)
        return link

    async def _introduced(self, link: StdioLink) -> Identity:
        """Returns what the server says of itself.

        Raises:
            _Ended: it ended at the question which protocol it speaks.
            LinkFailure, Refusal
        """
        if self._era == "legacy":
            return await _initialize(link)
        asking = _task(_discover(link))
        try:
            await asyncio.wait((asking,), timeout=None if self._era == "modern" else PROBE)
            if not asking.done():
                return await _introduced_late(link, asking)
            identity = asking.result()
        except LinkFailure as exc:
            if self._era == "modern":  # so it knows the question, unless it is another server by now
                self._era = self._entry.era
                raise
            raise _Ended from exc
        except asyncio.CancelledError:
            self._was_mute, self._era = self._era == "auto", self._entry.era
            raise
        finally:
            asking.cancel()
        if identity is None and self._entry.era == "modern":
            raise LinkFailure(f"it does not speak {MODERN}", was_sent=False)
        return await _initialize(link) if identity is None else identity


class _Ended(Exception):
    """A child ended at a question that it does not know."""


async def _discover(link: StdioLink) -> Identity | None:
    """Returns what a server of the modern protocol says of itself; None for another one. Raises LinkFailure."""
    link.identity = Identity(MODERN)
    try:
        found = await link.request("server/discover", {})
    except Refusal:
        return None
    versions = found.get("supportedVersions")
    return identity_of(MODERN, found) if isinstance(versions, list) and MODERN in versions else None


async def _introduced_late(link: StdioLink, asking: asyncio.Task[Identity | None]) -> Identity:
    """Introduces us to a child that is slow, or mute at the question that is `asking`.

    A slow one answers both, in any order: one of the modern protocol refuses the introduction.

    Raises:
        LinkFailure, Refusal
    """
    introducing = _task(_handshake(link))
    waiting: set[asyncio.Task[Any]] = {asking, introducing}
    try:
        while True:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and (identity := asking.result()) is not None:
                return identity
            if introducing.done() and (asking.done() or not isinstance(introducing.exception(), Refusal)):
                identity = introducing.result()
                link.notify(*INITIALIZED)
                return identity
    finally:
        introducing.cancel()


def _task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Starts a task that may fail when nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _initialize(link: StdioLink) -> Identity:
    identity = await _handshake(link)
    link.notify(*INITIALIZED)
    return identity


async def _handshake(link: StdioLink) -> Identity:
    """Returns what a server of sessions says of itself, which must be told then that it is `INITIALIZED`."""
    link.identity = Identity(LEGACY)
    # All callers share the child: what one of them cannot be asked is refused when it is asked.
    params = {"protocolVersion": LEGACY, "capabilities": CAPABILITIES, "clientInfo": CLIENT}
    found = await link.request("initialize", params)
    version = found.get("protocolVersion")
    if not isinstance(version, str) or version not in HANDSHAKE_PROTOCOL_VERSIONS:
        raise LinkFailure("it speaks no revision of the protocol that is spoken here", was_sent=False)
    return identity_of(version, found)
