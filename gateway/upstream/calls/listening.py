"""The resources that are watched at servers of the stateless era: one stream for each link, with all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.upstream.http.listening import keep_listening
from gateway.upstream.link import LISTEN, Link


class Listening:
    """The streams by their links. Each ends with its link."""

    def __init__(self) -> None:
        self._tasks: dict[Link, asyncio.Task[None]] = {}

    def watch(self, link: Link, uris: Sequence[str]) -> None:
        """Hears from now on of changes of exactly these resources at this link."""
        if (before := self._tasks.pop(link, None)) is not None:
            before.cancel()
        if uris:
            task = self._tasks[link] = asyncio.ensure_future(_listen(link, [*uris]))
            task.add_done_callback(lambda _: self._tasks.get(link) is task and self._tasks.pop(link))


async def _listen(link: Link, uris: list[str]) -> None:
    async def listen(opened: object) -> None:
        await link.request(LISTEN, {"notifications": {"resourceSubscriptions": uris}})

    listening = asyncio.ensure_future(keep_listening(listen, lambda: None))
    ended = asyncio.ensure_future(link.ended())
    try:
        await asyncio.wait((listening, ended), return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
        ended.cancel()
