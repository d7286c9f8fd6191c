"""Opens a link to an entry over HTTP: finds out which era of the protocol is spoken, and introduces us."""

from __future__ import annotations

from typing import Any

from mcp_types import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.cancellation import to_its_end
from gateway.upstream.config import Upstream
from gateway.upstream.http.client import Client
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.failures import StatusFailure, StatusRefusal
from gateway.upstream.http.legacy import LegacyLink
from gateway.upstream.http.modern import ModernLink
from gateway.upstream.introduction import identity_of
from gateway.upstream.link import MODERN, Heard, Identity, Link, LinkFailure, Refusal

_NO_VERDICT = frozenset({401, 403, 408, 425, 429})
"""Statuses of refusals that say nothing about the protocol."""


class HttpOpening:
    """Opens links to one entry.

    The server is asked for its era each time, unless the entry names it: it may have been updated.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure."""
        entry = self._clients.entry
        client = self._clients.make()
        try:
            if entry.era != "legacy":
                link = ModernLink(client, heard)
                if (identity := await _discover(link)) is not None:
                    link.identity = identity
                    link.listen()
                    return link
            if entry.era == "modern":
                raise LinkFailure(f"it does not speak {MODERN}", was_sent=False)
            return await _legacy(entry, client, heard)
        except BaseException:  # whatever it is, no connection may be left
            client.close()
            raise

    def close(self) -> None:
        self._clients.close()


async def _discover(link: ModernLink) -> Identity | None:
    """Returns what a server of the stateless era says of itself; None for one of the era of sessions.

    Raises:
        LinkFailure: its answer, or that it does not answer, says nothing about the era.
    """
    try:
        found = await link.request("server/discover", {})
    except Refusal as exc:
        if isinstance(exc, StatusRefusal) and not _is_verdict(exc.status):
            raise LinkFailure(f"it answers with status {exc.status}", was_sent=False) from exc
        if exc.code == UNSUPPORTED_PROTOCOL_VERSION and not _speaks_another(exc.data):
            raise LinkFailure("it speaks no revision of the protocol that is spoken here", was_sent=False) from exc
        return None
    except StatusFailure as exc:
        if _is_verdict(exc.status):
            return None
        raise
    versions = found.get("supportedVersions")
    return identity_of(MODERN, found) if isinstance(versions, list) and MODERN in versions else None


def _is_verdict(status: int) -> bool:
    return 400 <= status < 500 and status not in _NO_VERDICT


def _speaks_another(data: Any) -> bool:
    """Returns False if a server names its revisions, and none of them has sessions."""
    supported = data.get("supported") if isinstance(data, dict) else None
    return not isinstance(supported, list) or any(one in HANDSHAKE_PROTOCOL_VERSIONS for one in supported)


async def _legacy(entry: Upstream, client: Client, heard: Heard) -> LegacyLink:
    link = LegacyLink(client, heard, entry.start_timeout)
    try:
        await link.start()
    except BaseException:  # whatever it is, the link is not used
        await to_its_end(link.close())
        raise
    return link
