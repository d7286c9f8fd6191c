"""Opens a link to an entry of the transport of 2024."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.upstream.config import Upstream
from gateway.upstream.http.opening import client_of
from gateway.upstream.link import Heard, Link
from gateway.upstream.sse.link import SseLink


class SseOpening:
    """Opens links to one entry. `${NAME}` in its `url`, headers and files is replaced each time."""

    def __init__(self, entry: Upstream, environ: Mapping[str, str]) -> None:
        self._entry = entry
        self._environ = environ

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure."""
        link = SseLink(client_of(self._entry, self._environ), heard, self._entry.start_timeout)
        try:
            await link.start()
        except BaseException:  # whatever it is, the link is not used
            await asyncio.shield(link.close())
            raise
        return link

    def close(self) -> None:
        """Has nothing to end: links over HTTP share nothing."""
