"""The resources that are watched at a server of the stateless era: one stream of each link, with all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from gateway.upstream.http.listening import keep_listening
from gateway.upstream.link import LISTEN, Link, Params

Missed = Callable[[Collection[str]], Awaitable[None]]
"""Takes the resources of a stream that is open again: it has had a gap."""


@dataclass(eq=False, slots=True)
class _Stream:
    uris: Collection[str]
    before: _Stream | None
    task: asyncio.Future[None] = field(init=False)
    was_open: bool = False
    is_opening: bool = True

    def end(self) -> None:
        self.task.cancel()
        self.end_before()

    def end_before(self) -> None:
        if self.before is not None:
            self.before.end()
            self.before = None


class Listening:
    """The streams at one place: one for each instance of the server. Each ends with its link."""

    def __init__(self, missed: Missed) -> None:
        self._missed = missed
        self._streams: dict[Link, _Stream] = {}

    def watch(self, link: Link, uris: Collection[str]) -> None:
        """Hears from now on of changes of exactly these resources at this link.

        The stream before goes on until the new one is acknowledged, so that nothing is missed.
        """
        before = self._streams.pop(link, None)
        if before is not None:
            before.end_before()
        if uris:
            stream = self._streams[link] = _Stream(uris, before)
            stream.task = asyncio.ensure_future(self._listen(link, stream))
            stream.task.add_done_callback(lambda _: self._streams.get(link) is stream and self._streams.pop(link))
        elif before is not None:
            before.end()

    def end(self) -> None:
        """Ends all streams."""
        for stream in [*self._streams.values()]:
            stream.end()

    async def _listen(self, link: Link, stream: _Stream) -> None:
        async def acknowledged(params: Params) -> None:
            if not stream.is_opening or "progressToken" in params:
                return
            stream.end_before()
            had_gap, stream.was_open, stream.is_opening = stream.was_open, True, False
            if had_gap:
                await self._missed(stream.uris)

        async def listen(opened: Callable[[], None]) -> None:
            stream.is_opening = True
            await link.request(LISTEN, {"notifications": {"resourceSubscriptions": [*stream.uris]}}, acknowledged)

        listening = asyncio.ensure_future(keep_listening(listen, lambda: None))
        ended = asyncio.ensure_future(link.ended())
        try:
            await asyncio.wait((listening, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            ended.cancel()
            stream.end_before()
