"""Opens a link to a child: starts it, finds out which protocol it speaks, and introduces us."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.cancellation import to_its_end
from gateway.sdk.asking.asking_call import CAPABILITIES
from gateway.upstream.config import Upstream
from gateway.upstream.introduction import CLIENT, identity_of
from gateway.upstream.link import LEGACY, MODERN, Heard, Identity, LinkFailure, Refusal
from gateway.upstream.stdio.command import command_of
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.link import StdioLink
from gateway.upstream.stdio.memory import Memory

PROBE = 5.0
"""Seconds after which a child that does not answer `server/discover` is taken for one that never will."""


class StdioOpening:
    """Opens links for one entry. It asks once which protocol is spoken: old servers log a page for the question.

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

    async def __call__(self, heard: Heard) -> StdioLink:
        link = await self._started(heard)
        try:
            if self._era != "legacy" and (identity := await self._discover(link)) is not None:
                link.identity = identity
                self._era = "modern"
                return link
            if self._entry.era == "modern":
                raise LinkFailure(f"it does not speak {MODERN}", was_sent=False)
            if link.is_silent:
                await link.close(patience=0)
                link = await self._started(heard)
            link.identity = await _initialize(link)
            self._era = "legacy"
            return link
        except BaseException as exc:  # whatever it is, nothing of this link may be left
            await to_its_end(link.close(patience=0))
            if isinstance(exc, Refusal):
                raise LinkFailure(f"it refuses to be opened: {exc.message}", was_sent=False) from exc
            raise

    def close(self) -> None:
        self._leash.close_if_idle()

    async def _started(self, heard: Heard) -> StdioLink:
        link = StdioLink(self._server, self._entry.max_message, heard, self._kept)
        limit = None if self._entry.image else self._entry.max_memory  # a container has its own limit
        await link.start(command_of(self._entry, self._environ), self._leash, self._memory, limit)
        return link

    async def _discover(self, link: StdioLink) -> Identity | None:
        """Returns what a server of the modern protocol says of itself; None for another one.

        A server that is silent, or that ends, at a question it does not know has to be started again.
        """
        link.identity = Identity(MODERN)
        try:
            async with asyncio.timeout(None if self._era == "modern" else PROBE):
                found = await link.request("server/discover", {})
        except Refusal:
            link.identity = Identity(LEGACY)
            return None
        except (TimeoutError, LinkFailure):
            if self._era == "modern":  # so it knows the question, and fails for another reason
                raise
            link.is_silent = True
            return None
        versions = found.get("supportedVersions")
        if not isinstance(versions, list) or MODERN not in versions:
            link.identity = Identity(LEGACY)
            return None
        return identity_of(MODERN, found)


async def _initialize(link: StdioLink) -> Identity:
    link.identity = Identity(LEGACY)
    # All callers share the child: what one of them cannot be asked is refused when it is asked.
    params = {"protocolVersion": LEGACY, "capabilities": CAPABILITIES, "clientInfo": CLIENT}
    found = await link.request("initialize", params)
    version = found.get("protocolVersion")
    if not isinstance(version, str) or version not in HANDSHAKE_PROTOCOL_VERSIONS:
        raise LinkFailure("it speaks no revision of the protocol that is spoken here", was_sent=False)
    link.notify("notifications/initialized", {})
    return identity_of(version, found)
